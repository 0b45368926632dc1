"""What the generator can't see of the mock engine: its models, its counts, a question in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from tests.load import script
from tests.load.mock_vllm import LENGTH, Connection, Engine

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def connection() -> AsyncIterator[Streams]:
    engine = Engine()

    def connected() -> Connection:
        return Connection(engine, script.listing(range(2, 4)))

    loop = asyncio.get_running_loop()
    async with await loop.create_server(connected, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        yield reader, writer
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.05)


async def answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await reader.readexactly(int(LENGTH.findall(head)[0]))


async def test_its_models(connection: Streams):
    reader, writer = connection
    writer.write(b"GET /v1/models HTTP/1.1\r\n\r\n")
    rows = orjson.loads((await answer(reader)).partition(b"\r\n\r\n")[2])["data"]
    assert [row["id"] for row in rows] == ["tiny-chat-2", "tiny-chat-3"]


async def test_a_question_in_pieces_and_two_at_once(connection: Streams):
    reader, writer = connection
    body = orjson.dumps({"messages": [{"content": script.Order(1, 9, script.BURST).prompt()}]})
    request = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    for at in range(0, len(request), 40):
        writer.write(request[at : at + 40])
        await asyncio.sleep(0)
    writer.write(request + request)
    said = [(await answer(reader)).partition(b"\r\n\r\n")[2] for _ in range(3)]
    assert said == [script.whole(9)] * 3


async def test_a_picture_that_is_none(connection: Streams):
    reader, writer = connection
    body = b'{"url":"data:image/png;base64,!!!!"}'
    head = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    writer.write(head + body)
    assert (await answer(reader)).startswith(b"HTTP/1.1 400 ")
