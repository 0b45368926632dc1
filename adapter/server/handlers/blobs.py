"""/api/blobs: files for a later create.

Which create, nobody knows yet: one that a real Ollama does, or one of an adapter for vLLM. So with
an Ollama beside it each file goes to both, but for GGUF, which only an Ollama takes.
"""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import web

from adapter.catalog.blobs import Blobs, Upload, is_gguf, parse_digest
from adapter.errors import BadRequest, ModelNotFound, StateFault
from adapter.server.aliases import blobs
from adapter.server.replies import empty_reply
from adapter.server.state import FACTS, STATE, State
from adapter.server.uploads import Sending, uploading
from adapter.server.verbatim import Passage, ollama_of
from adapter.server.web_exchange import on_the_web

_PIECE = 2**20
_MAGIC = 4
"""Bytes that tell what a file is: seen before any more is taken in."""


async def blob(request: web.Request) -> web.StreamResponse:
    """HEAD: 200 if it is here. POST: 201 for a new one, 200 for one that is here, not read again.

    Raises:
        BadRequest: the digest is none, or not that of what was sent.
        ModelNotFound: HEAD of one that is not here.
    """
    digest = parse_digest(request.match_info["digest"])
    state = request.app[STATE]
    if state.first_ollama is not None:
        return await _with_ollama(request, state, state.first_ollama, digest)
    store = blobs(state)
    if await asyncio.to_thread(store.has, digest):
        return empty_reply()
    if request.method == "HEAD":
        raise _not_here(digest)
    with contextlib.closing(await asyncio.to_thread(store.upload, digest)) as upload:
        await _take(request, upload)
        await asyncio.to_thread(upload.finish)
    return empty_reply(201)


def _not_here(digest: str) -> ModelNotFound:
    return ModelNotFound(f'blob "{digest}" not found')


async def _take(request: web.Request, upload: Upload) -> None:
    waiting, enough = bytearray(), _MAGIC
    async for data in request.content.iter_any():
        waiting += data
        if len(waiting) >= enough:
            await asyncio.to_thread(upload.write, bytes(waiting))
            waiting, enough = bytearray(), _PIECE
    await asyncio.to_thread(upload.write, bytes(waiting))


async def _with_ollama(
    request: web.Request, state: State, upstream: str, digest: str
) -> web.StreamResponse:
    """The same where a file may be for an Ollama.

    It is here if both have it: what is sent once too often is only slow, what is missing at a
    create can't be mended by a client that is told it is here.
    """
    engine, client = ollama_of(state, upstream)
    request[FACTS].upstream = upstream
    there = await client.has(request.rel_url.raw_path_qs)
    here = await _is_here(state, digest)
    if here and there:
        return empty_reply()
    if request.method == "HEAD":
        raise _not_here(digest)
    begun = await _beginning(request)
    if there and is_gguf(begun):
        return empty_reply()  # as an Ollama says of what it has, without reading it
    own = None if here or is_gguf(begun) else await _own(state, digest)
    with contextlib.closing(own) if own else contextlib.nullcontext():
        if there or (own is not None and not engine.health.up):
            # An Ollama that is away gets it later: till then, HEAD says that it is missing.
            return await _taken_here(request, begun, own)
        return await _taken_by_both(request, state, upstream, begun, own)


async def _is_here(state: State, digest: str) -> bool:
    try:
        return await asyncio.to_thread(blobs(state).has, digest)
    except StateFault:
        return False


async def _own(state: State, digest: str) -> Upload | None:
    """A place for it here; None if there is none: then only the Ollama has it."""
    try:
        store: Blobs = blobs(state)
        return await asyncio.to_thread(store.upload, digest)
    except (StateFault, BadRequest):
        return None


async def _beginning(request: web.Request) -> bytes:
    begun = bytearray()
    while len(begun) < _MAGIC and (data := await request.content.readany()):
        begun += data
    return bytes(begun)


async def _taken_here(request: web.Request, begun: bytes, own: Upload | None) -> web.Response:
    if own is None:
        return empty_reply()
    await asyncio.to_thread(own.write, begun)
    await _take(request, own)
    await asyncio.to_thread(own.finish)
    return empty_reply(201)


async def _taken_by_both(
    request: web.Request, state: State, upstream: str, begun: bytes, own: Upload | None
) -> web.StreamResponse:
    """The answer is the Ollama's; the file is kept here, too, if it can be."""
    engine, client = ollama_of(state, upstream)
    async with uploading(request, engine, client) as sending:
        copy = _Copy(own)
        await _both(sending, copy, begun)
        async for data in request.content.iter_any():
            if not await _both(sending, copy, data):
                break
        answer = await sending.answered()
        if answer.status < 300:
            await copy.finish()
        return await on_the_web(lambda exchange: Passage(exchange, answer).run(_nothing))(request)


def _nothing() -> None: ...


async def _both(sending: Sending, copy: _Copy, data: bytes) -> bool:
    await copy.write(data)
    return await sending.send(data)


class _Copy:
    """What is kept here of a file that is passed on; no fault of it stops the passing."""

    def __init__(self, upload: Upload | None) -> None:
        self._upload = upload
        self._waiting = bytearray()

    async def write(self, data: bytes, enough: int = _PIECE) -> None:
        if self._upload is None:
            return
        self._waiting += data
        if len(self._waiting) >= enough:
            waiting, self._waiting = bytes(self._waiting), bytearray()
            try:
                await asyncio.to_thread(self._upload.write, waiting)
            except (StateFault, BadRequest):
                self._upload = None

    async def finish(self) -> None:
        await self.write(b"", enough=0)
        if self._upload is not None:
            with contextlib.suppress(StateFault, BadRequest):
                await asyncio.to_thread(self._upload.finish)
