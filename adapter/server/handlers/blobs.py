"""/api/blobs: files for a later create."""

from __future__ import annotations

import asyncio
from contextlib import closing

from aiohttp import web

from adapter.catalog.blobs import Upload, parse_digest
from adapter.errors import ModelNotFound
from adapter.server.aliases import blobs
from adapter.server.replies import empty_reply
from adapter.server.state import STATE

_PIECE = 2**20
_MAGIC = 4
"""Bytes that tell what a file is: seen before any more is taken in."""


async def blob(request: web.Request) -> web.Response:
    """HEAD: 200 if it is here. POST: 201 for a new one, 200 for one that is here, not read again.

    Raises:
        BadRequest: the digest is none, or not that of what was sent.
        ModelNotFound: HEAD of one that is not here.
    """
    digest = parse_digest(request.match_info["digest"])
    store = blobs(request.app[STATE])
    if await asyncio.to_thread(store.has, digest):
        return empty_reply()
    if request.method == "HEAD":
        raise ModelNotFound(f'blob "{digest}" not found')
    with closing(await asyncio.to_thread(store.upload, digest)) as upload:
        await _take(request, upload)
        await asyncio.to_thread(upload.finish)
    return empty_reply(201)


async def _take(request: web.Request, upload: Upload) -> None:
    waiting, enough = bytearray(), _MAGIC
    async for data in request.content.iter_any():
        waiting += data
        if len(waiting) >= enough:
            await asyncio.to_thread(upload.write, bytes(waiting))
            waiting, enough = bytearray(), _PIECE
    await asyncio.to_thread(upload.write, bytes(waiting))
