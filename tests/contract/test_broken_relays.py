"""What a real Ollama, or a proxy before it, breaks off or leaves out: no answer is taken for a part
of another, whoever reads the requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.support.fronts import WHOLE, Running, answered, request, running, say
from tests.support.ollama_standin import Asked, OllamaStandIn, Play
from tests.support.raw_http import Connection

BODY = WHOLE.replace(b"tiny-chat", b"nat")
LINE = b'{"model":"nat","message":{"content":"' + b"x" * 980 + b'"},"done":false}\n'
WAYS = pytest.mark.parametrize("origin", [(), (b"Origin: http://localhost",)], ids=["own", "web"])
Way = tuple[bytes, ...]


@pytest.fixture
async def ollama() -> AsyncIterator[OllamaStandIn]:
    async with OllamaStandIn() as standin:
        yield standin


@pytest.fixture
async def adapter(ollama: OllamaStandIn) -> AsyncIterator[Running]:
    async with running(ollamas={"vision": ollama.url}) as found:
        yield found


def breaking_off(kind: str) -> Play:
    """An answer of a promised length, of which a part is sent."""

    async def play(http: web.Request, asked: Asked) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": kind})
        response.content_length = 100 * len(LINE)
        await response.prepare(http)
        await response.write(LINE * 90)
        assert http.transport is not None
        http.transport.close()
        return response

    return play


@WAYS
@pytest.mark.parametrize("kind", ["application/x-ndjson", "text/event-stream", "text/plain"])
async def test_a_promised_length_is_not_filled_with_the_next_answer(
    ollama: OllamaStandIn, adapter: Running, kind: str, origin: Way
):
    ollama.play("/api/chat", breaking_off(kind))
    async with asyncio.timeout(10), await Connection.open(adapter.url) as connection:
        with contextlib.suppress(EOFError, ConnectionResetError):
            await say(connection, request(*origin, body=BODY))
            first = await answered(connection)
            await say(connection, request(*origin, body=BODY))
            assert b"HTTP/1.1" not in first.body
            assert b"broke off its answer" in first.body
            assert b"HTTP/1.1" not in (await answered(connection)).body


@WAYS
@pytest.mark.parametrize("status", [200, 204, 304])
async def test_an_answer_without_a_type(
    ollama: OllamaStandIn, adapter: Running, status: int, origin: Way
):
    async def play(http: web.Request, asked: Asked) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        response.headers.popall("Content-Type", None)
        await response.prepare(http)
        if status == 200:
            await response.write(b"hello")
        await response.write_eof()
        return response

    ollama.play("/api/chat", play)
    async with asyncio.timeout(10), await Connection.open(adapter.url) as connection:
        for _ in range(2):
            await say(connection, request(*origin, body=BODY))
            head = await connection.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 %d " % status)
            if status == 200:
                while not (await connection.reader.readline()).startswith(b"0"):
                    pass
                await connection.reader.readline()
            else:
                assert b"Transfer-Encoding" not in head
