"""An answer in pieces."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from aiohttp import web

from services.errors import ServiceError

EVENTS = "text/event-stream"
LINES = "application/x-ndjson"
_log = logging.getLogger("services")


async def streamed(
    request: web.Request,
    pieces: AsyncGenerator[bytes],
    content_type: str,
    told: Callable[[ServiceError], bytes],
) -> web.StreamResponse:
    """Writes the pieces as they come; closes the generator, and what it holds, whatever happens.

    A failure before the first piece is raised and keeps its status; one after it is `told` in
    place of an end.
    """
    async with aclosing(pieces):
        first = await anext(pieces, b"")
        response = web.StreamResponse(
            headers={
                "Content-Type": content_type,
                "Cache-Control": "no-cache",
                "X-Accel-Buffering": "no",
            }
        )
        await response.prepare(request)
        if first:
            await response.write(first)
        while True:
            # Reading and writing apart: a client that is gone is no failure of an engine.
            try:
                piece = await anext(pieces, None)
            except ServiceError as error:
                await response.write(told(error))
                break
            except Exception:
                _log.exception("a stream failed")
                await response.write(told(ServiceError("internal error")))
                break
            if piece is None:
                break
            if piece:
                await response.write(piece)
        await response.write_eof()
    return response
