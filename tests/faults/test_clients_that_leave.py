"""A client that hangs up, or reads slowly. The engine's slot is what matters."""

import asyncio
import json
import resource
import socket
import struct
from urllib.parse import urlsplit

import pytest

from tests.support import plays, words
from tests.support.machine import PROMPTLY
from tests.support.raw_http import Connection
from tests.support.serve import IMPATIENT, serving

CHAT = {"model": "tiny-chat", "messages": [{"role": "user", "content": "hi"}]}
EMBED = {"model": "tiny-embed", "input": "a"}
LEAVING = pytest.mark.parametrize("leave", ["close", "reset"])


async def asking(base: str, path: str, body: dict) -> Connection:
    connection = await Connection.open(base)
    await connection.send("POST", path, json.dumps(body).encode())
    return connection


async def gone(connection: Connection, leave: str) -> None:
    if leave == "reset":
        connection.reset()
    else:
        await connection.close()


@LEAVING
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "play",
    [
        plays.endless("chat_stream_usage", 3),
        plays.hang_after("chat_stream_usage", 3),
        plays.hang_after("chat_stream_usage", 0),
        plays.hang_before_headers,
    ],
    ids=["while text comes", "in a pause", "before the first event", "before the headers"],
)
async def test_the_engine_is_free_within_a_second(scripted, adapter, play, stream, leave):
    scripted.play = play
    connection = await asking(adapter.url, "/api/chat", CHAT | {"stream": stream})
    await scripted.until(lambda: scripted.in_flight == 1)
    await gone(connection, leave)
    await scripted.until(lambda: (scripted.in_flight, scripted.gone) == (0, 1), within=PROMPTLY)
    await connection.close()


@LEAVING
async def test_in_the_middle_of_a_streamed_answer(scripted, adapter, leave):
    scripted.play = plays.endless("chat_stream_usage", 3)
    connection = await asking(adapter.url, "/api/generate", {"model": "tiny-chat", "prompt": "hi"})
    await connection.head()
    for _ in range(5):
        await connection.chunk()
    await gone(connection, leave)
    await scripted.until(lambda: (scripted.in_flight, scripted.gone) == (0, 1), within=PROMPTLY)
    await connection.close()


@pytest.mark.parametrize("path", ["/api/embed", "/api/embeddings"])
async def test_while_embedding(scripted_embedder, embedder, path: str):
    scripted_embedder.play = plays.hang_before_headers
    connection = await asking(embedder.url, path, EMBED | {"prompt": "a"})
    await scripted_embedder.until(lambda: scripted_embedder.in_flight == 1)
    await connection.close()
    await scripted_embedder.until(lambda: scripted_embedder.gone == 1, within=PROMPTLY)


async def test_a_client_that_leaves_is_counted_as_that_and_no_fault(scripted, adapter, caplog):
    scripted.play = plays.endless("chat_stream_usage", 3)
    connection = await asking(adapter.url, "/api/chat", CHAT)
    await connection.head()
    await connection.chunk()
    await connection.close()
    await scripted.until(lambda: scripted.gone == 1, within=PROMPTLY)
    async with asyncio.timeout(2):
        while await adapter.metric("adapter_requests_total", outcome="client_gone") != 1:  # noqa: ASYNC110  # HTTP
            await asyncio.sleep(0.02)
    assert (
        await adapter.metric("adapter_requests_total", route="/api/chat", outcome="upstream_fault")
        == 0
    )
    assert await adapter.metric("adapter_requests_in_flight", route="/api/chat") == 0
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_client_that_leaves_while_it_is_written_to_is_no_error(scripted, adapter, caplog):
    """Nor in the log of the HTTP library."""
    batch = b"".join([words.text("a word ")] * 300)

    async def play(stage):
        await stage.head(200, {"content-type": "text/event-stream; charset=utf-8"})
        await stage.write(words.role())
        while True:
            await stage.write(batch)

    def leave_in_the_middle() -> None:
        request = b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b"
        body = json.dumps(CHAT).encode()
        with socket.create_connection(("127.0.0.1", urlsplit(adapter.url).port)) as plug:
            plug.sendall(request % (len(body), body))
            for _ in range(20):
                plug.recv(65536)
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    scripted.play = play
    for number in range(1, 9):
        await asyncio.to_thread(leave_in_the_middle)
        await scripted.until(lambda number=number: scripted.gone == number, within=PROMPTLY)
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [record.getMessage() for record in errors] == []


async def test_many_that_leave_at_once(scripted, adapter):
    scripted.play = plays.endless("chat_stream_usage", 3)
    connections = [await asking(adapter.url, "/api/chat", CHAT) for _ in range(40)]
    await scripted.until(lambda: scripted.in_flight == 40)
    for connection in connections:
        connection.reset()
    await scripted.until(lambda: (scripted.in_flight, scripted.gone) == (0, 40), within=2)
    scripted.play = words.words
    assert (await adapter.post("/api/chat", CHAT)).lines[-1]["done"] is True
    for connection in connections:
        await connection.close()


async def test_a_slow_reader_is_not_the_engines_silence(scripted):
    """The idle limit watches the engine; a client may take its time."""
    text = "x" * 2000
    scripted.play = plays.stream(words.answer(*[text] * 3000))
    async with (
        serving(scripted.url, timeouts=IMPATIENT) as adapter,
        await Connection.open(adapter.url, receive_buffer=4096) as connection,
    ):
        await connection.send("POST", "/api/chat", json.dumps(CHAT).encode())
        await connection.head()
        chunks = [await connection.chunk()]
        await asyncio.sleep(4 * IMPATIENT["idle"])  # the pause is the client's
        async with asyncio.timeout(20):
            while chunk := await connection.chunk():
                chunks.append(chunk)
    assert len(chunks) == 3001
    assert json.loads(chunks[-1])["done"] is True


async def test_a_client_that_does_not_read_costs_no_memory(scripted, adapter):
    """What it does not read is not fetched: the engine's side fills up instead."""
    written = 0
    piece = words.text("x" * 100_000)

    async def play(stage):
        nonlocal written
        await stage.head(200, {"content-type": "text/event-stream; charset=utf-8"})
        for _ in range(2000):
            await stage.write(piece)
            written += len(piece)

    scripted.play = play
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with await Connection.open(adapter.url, receive_buffer=4096) as connection:
        await connection.send("POST", "/api/chat", json.dumps(CHAT).encode())
        await connection.head()
        still = -1
        async with asyncio.timeout(10):
            while still != written:
                still = written
                await asyncio.sleep(0.3)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert written < 30_000_000, "200 MB were offered"
    assert grown < 60_000, f"{grown} KiB more"
