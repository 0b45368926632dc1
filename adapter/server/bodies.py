"""Bodies of requests, from the socket to what a handler works with, and large ones of answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from aiohttp import hdrs, payload, web
from aiohttp.abc import AbstractStreamWriter

from adapter.aside import LARGE, aside
from adapter.server.replies import JSON, json_reply
from adapter.translate.ndjson import dumps_in_pieces
from adapter.wire.gojson import Struct, parse
from adapter.wire.longtext import Json

R = TypeVar("R")

_SIZE: web.RequestKey[int] = web.RequestKey("size", int)
_RAW: web.RequestKey[Json] = web.RequestKey("raw", bytes)


async def read_request(request: web.Request, struct: type[Struct]) -> Struct:
    """The request of Ollama's API that is in the body.

    Raises:
        BadRequest: in the decoder's words.
        web.HTTPRequestEntityTooLarge: the body is over the limit.
    """
    return await parsed(request, partial(parse, struct))


async def parsed(request: web.Request, read: Callable[[Json], R]) -> R:
    """What `read` makes of the body, which is kept nowhere else."""
    body = request[_RAW] if _RAW in request else await _read(request)
    request[_SIZE] = size = len(body)
    return read(body) if size < LARGE else await aside(size, read, body)


async def raw_body(request: web.Request) -> Json:
    """The body as it came, which is kept for who reads it again."""
    if _RAW not in request:
        request[_RAW] = await _read(request)
    return request[_RAW]


def weight(request: web.Request, template: str = "") -> int:
    """What work on a request that was read is to be judged by: the size of its body.

    A template may take its time, however short it is.
    """
    return LARGE if template else request[_SIZE]


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


class Pieces(payload.Payload):
    """An answer's body that is sent piece by piece, with others served in between."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        super().__init__(pieces)
        self._size = sum(map(len, pieces))

    async def write(self, writer: AbstractStreamWriter) -> None:
        for piece in self._value:
            await writer.write(piece)
            await asyncio.sleep(0)  # a client that reads as fast as we write is no reason to stay

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return b"".join(self._value).decode(encoding, errors)


async def json_answer(size: int, make: Callable[[], Any]) -> web.Response:
    """What `make` returns, some `size` bytes, as JSON; made and written in steps if it is large."""
    if size < LARGE:
        return json_reply(make())
    written = await aside(size, lambda: dumps_in_pieces(make()))
    return web.Response(body=Pieces(written), headers={"Content-Type": JSON})
