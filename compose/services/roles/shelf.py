"""dataprep's routes on chatqna's port: the page there may ask its own origin only.

In one process they are answered here, by the same code. Where dataprep is a process of its own
(DATAPREP_URL), requests are handed on as they come: an upload is not kept in memory on the way.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator

from aiohttp import web

from services.engines.http import REQUEST_ID, origin_of
from services.errors import NotConfigured
from services.house import HOUSE
from services.kit.app import ASIDE, Handler, Routes
from services.roles import dataprep

HANDED_ON = ("Accept", "Content-Type")
_PIECE = 2**16


async def answered(handler: Handler, request: web.Request) -> web.StreamResponse:
    """Here or there.

    Raises:
        NotConfigured: this process has no store, and nobody told it who has.
    """
    request[ASIDE] = True
    settings = request.app[HOUSE].settings
    if settings.dataprep_url:
        return await handed_on(request, settings.dataprep_url.rstrip("/"))
    if settings.retriever_url:
        raise NotConfigured("documents are kept by another process: set DATAPREP_URL")
    return await handler(request)


async def handed_on(request: web.Request, base: str) -> web.StreamResponse:
    headers = {name: request.headers[name] for name in HANDED_ON if name in request.headers}
    headers[REQUEST_ID] = origin_of(request.headers).request_id
    url = f"{base}{request.rel_url.raw_path_qs}"
    pieces = pieces_of(request) if request.can_read_body else None
    http = request.app[HOUSE].http
    async with http.relayed(request.method, url, headers, pieces) as answer:
        response = web.StreamResponse(status=answer.status)
        response.headers["Content-Type"] = answer.content_type
        response.headers["Cache-Control"] = "no-cache"
        # Read before anything is said: a failure until here has a status of its own.
        piece = await answer.read()
        await response.prepare(request)
        while piece:
            await response.write(piece)
            piece = await answer.read()
        await response.write_eof()
    return response


async def pieces_of(request: web.Request) -> AsyncGenerator[bytes]:
    async for piece in request.content.iter_chunked(_PIECE):
        yield piece


ROUTES: Routes = {
    row: functools.partial(answered, handler) for row, handler in dataprep.ROUTES.items()
}
