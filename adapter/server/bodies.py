"""Bodies of requests, from the socket to what a handler works with, and large ones of answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from aiohttp import hdrs, web

from adapter.aside import LARGE, aside
from adapter.server.exchange import Exchange
from adapter.server.replies import JSON, Reply, json_bytes
from adapter.translate.ndjson import dumps, dumps_in_pieces
from adapter.wire.gojson import Struct, parse
from adapter.wire.longtext import Json

R = TypeVar("R")

_RAW: web.RequestKey[Json] = web.RequestKey("raw", bytes)


async def read_request(request: web.Request, struct: type[Struct]) -> Struct:
    """The request of Ollama's API that is in the body.

    Raises:
        BadRequest: in the decoder's words.
        web.HTTPRequestEntityTooLarge: the body is over the limit.
    """
    return await parsed(await read_body(request), partial(parse, struct))


async def parsed(body: Json, read: Callable[[Json], R]) -> R:
    """What `read` makes of a body."""
    size = len(body)
    return read(body) if size < LARGE else await aside(size, read, body)


async def raw_body(request: web.Request) -> Json:
    """The body as it came, which is kept for who reads it again."""
    if _RAW not in request:
        request[_RAW] = await _read(request)
    return request[_RAW]


async def read_body(request: web.Request) -> Json:
    """All of the body; kept nowhere else, unless somebody wanted it kept."""
    return request[_RAW] if _RAW in request else await _read(request)


async def _read(request: web.Request) -> Json:
    length = request.content_length
    if (length is not None and length < LARGE) or hdrs.CONTENT_ENCODING in request.headers:
        return await request.read()
    body = bytearray()  # of which request.read() would make a copy in the end
    while data := await request.content.readany():
        body += data
        if 0 < request.client_max_size < len(body):
            raise web.HTTPRequestEntityTooLarge(request.client_max_size)
    return body


async def json_answer(exchange: Exchange, size: int, make: Callable[[], Any]) -> Reply | None:
    """Answers with what `make` returns, some `size` bytes, as JSON; in steps if it is large."""
    if size < LARGE:
        return json_bytes(dumps(make()))
    written = await aside(size, lambda: dumps_in_pieces(make()))
    client = await exchange.begin({"Content-Type": JSON}, length=sum(map(len, written)))
    for piece in written:
        client.write(piece)
        await client.drained()
        await asyncio.sleep(0)  # a client that reads as fast as we write is no reason to stay
    await exchange.end()
    return None
