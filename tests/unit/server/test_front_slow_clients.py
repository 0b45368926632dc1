"""Clients that read slowly, not at all, or send before it is their turn: what they cost."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support import plays, words
from tests.support.fronts import STREAM, Running, answered, ask, prompt, request, running, say
from tests.support.loops import BOTH
from tests.support.raw_http import Connection
from tests.support.scripted_vllm import ScriptedVLLM, Stage

LOOPS = BOTH
LARGE = [words.text("x" * 200_000)] * 20
"""The events of an answer of 4 MB: more than the system takes for a client that does not read."""
OFFERED = 600
PIECE = words.text("x" * 100_000)


@pytest.fixture
async def complaints() -> list[dict[str, Any]]:
    """What asyncio says of exceptions that nobody caught."""
    found: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, it: found.append(it))
    return found


class Engine:
    """Gives a large answer to LARGE, 60 MB to MUCH, and the usual one to all others."""

    def __init__(self) -> None:
        self.written = 0

    async def __call__(self, stage: Stage) -> None:
        asked = str(stage.received.body)
        if "LARGE" in asked:
            await plays.stream([words.role(), *LARGE, words.finish(), words.DONE])(stage)
        elif "MUCH" in asked:
            await stage.head(200, {"content-type": "text/event-stream; charset=utf-8"})
            for _ in range(OFFERED):
                await stage.write(PIECE)
                self.written += len(PIECE)
        else:
            await words.words(stage)


@pytest.fixture
async def adapter(
    scripted: ScriptedVLLM, complaints: list[dict[str, Any]]
) -> AsyncIterator[Running]:
    scripted.play = Engine()
    async with running(scripted.url) as found:
        yield found


async def deaf(adapter: Running) -> Connection:
    """A client that reads nothing."""
    connection = await Connection.open(adapter.url, receive_buffer=4096)
    connection.writer.transport.pause_reading()
    return connection


async def waits(adapter: Running) -> int:
    """Bytes that wait for the only client, once they are no longer more from moment to moment."""
    last, now = -1, 0
    async with asyncio.timeout(10):
        while last != now or not now:
            await asyncio.sleep(0.2)
            last, now = now, adapter.transport().get_write_buffer_size()
    return now


async def test_a_stream_that_is_not_read(scripted: ScriptedVLLM, adapter: Running):
    """Its engine waits, and others are answered meanwhile."""
    connection = await deaf(adapter)
    await say(connection, request(body=prompt(b"MUCH", STREAM)))
    assert await waits(adapter) < 2 * len(PIECE)
    assert scripted.play.written < 30_000_000
    [answer] = await ask(adapter.url, request())
    assert answer.status == 200
    connection.writer.transport.resume_reading()
    async with asyncio.timeout(30):
        whole = await answered(connection)
    assert whole.body.count(b"x" * 100_000) == OFFERED
    await say(connection, request())
    assert (await answered(connection)).status == 200
    await connection.close()


async def test_a_stream_behind_an_answer_that_is_not_read(adapter: Running):
    """Room for it is there when the client has taken the first."""
    connection = await deaf(adapter)
    await say(connection, request(body=prompt(b"LARGE")))
    before = await waits(adapter)
    await say(connection, request(body=prompt(b"MUCH", STREAM)))
    assert await waits(adapter) < before + 2 * len(PIECE)
    connection.reset()
    await connection.close()


async def test_answers_that_are_not_read_do_not_pile_up(scripted: ScriptedVLLM, adapter: Running):
    connection = await deaf(adapter)
    for _ in range(5):
        await say(connection, request(body=prompt(b"LARGE")), pause=0.3)
    asked = len(scripted.seen)
    waiting = await waits(adapter)
    connection.reset()
    await connection.close()
    assert asked <= 2
    assert waiting < 5_000_000


async def test_a_stream_of_aiohttps_behind_an_answer_that_is_not_read(
    scripted: ScriptedVLLM, adapter: Running, complaints: list[dict[str, Any]]
):
    connection = await deaf(adapter)
    await say(connection, request(body=prompt(b"LARGE")))
    before = await waits(adapter)
    await say(
        connection,
        request(body=prompt(b"MUCH", STREAM), target=b"POST /api/chat?a=b HTTP/1.1"),
    )
    after = await waits(adapter)
    connection.writer.transport.resume_reading()
    await asyncio.wait_for(answered(connection), 30)
    await asyncio.wait_for(answered(connection), 30)
    await connection.close()
    assert after < before + 2 * len(PIECE)
    assert complaints == []


async def test_a_client_that_leaves_most_of_a_whole_answer(
    adapter: Running, complaints: list[dict[str, Any]]
):
    """Nobody waits for it any more, and nothing is to be said of it."""
    connection = await deaf(adapter)
    await say(connection, request(body=prompt(b"LARGE")))
    await waits(adapter)
    connection.reset()
    await connection.close()
    async with asyncio.timeout(5):
        while adapter.fronts:  # noqa: ASYNC110  # the server notices a moment later
            await asyncio.sleep(0.01)
    gc.collect()
    assert [it["message"] for it in complaints] == []


async def test_a_client_that_leaves_a_stream_it_does_not_read(
    scripted: ScriptedVLLM, adapter: Running, complaints: list[dict[str, Any]]
):
    connection = await deaf(adapter)
    await say(connection, request(body=prompt(b"MUCH", STREAM)))
    await waits(adapter)
    connection.reset()
    await connection.close()
    await scripted.until(lambda: scripted.in_flight == 0)
    async with asyncio.timeout(2):
        while await adapter.metric("adapter_requests_total", outcome="client_gone") != 1:  # noqa: ASYNC110  # HTTP
            await asyncio.sleep(0.02)
    gc.collect()
    assert [it["message"] for it in complaints] == []


@pytest.mark.parametrize("wire", [b"\r\n", request(), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"x"])
async def test_a_client_that_sends_on_while_it_is_answered(
    scripted: ScriptedVLLM, adapter: Running, wire: bytes
):
    """A bound is kept, and the answer comes all the same."""
    scripted.play = plays.slow("chat_stream_usage", 0.2)
    async with await Connection.open(adapter.url) as connection:
        await say(connection, request(body=STREAM))
        await scripted.until(lambda: scripted.in_flight == 1)
        connection.writer.write(wire * (32 * 2**20 // len(wire)))
        await asyncio.sleep(0.5)
        assert connection.writer.transport.get_write_buffer_size() > 16 * 2**20
        [front] = adapter.fronts
        assert sum(map(len, front._ahead)) < 2**20 + 2**18 + 1
        del front
        async with asyncio.timeout(10):
            assert (await answered(connection)).status == 200
        connection.reset()


@pytest.mark.parametrize("beginning", [b"", request()], ids=["at once", "after an answer"])
@pytest.mark.parametrize(
    "wire",
    [b"X-A: " + b"a" * 1000 + b"\r\n", b"a", b"\r\n"],
    ids=["lines", "a line", "nothing"],
)
async def test_a_head_without_an_end(adapter: Running, beginning: bytes, wire: bytes):
    """It is refused, or closed, before it has taken much."""
    async with await Connection.open(adapter.url) as connection:
        if beginning:
            await say(connection, beginning)
            await answered(connection)
        first = b"" if wire == b"\r\n" else b"POST /api/chat HTTP/1.1\r\nHost: a\r\nX-B: b"
        connection.writer.write(first + wire * (4 * 2**20 // len(wire)))
        if first:
            assert (await asyncio.wait_for(answered(connection), 5)).status == 400
        else:
            await asyncio.sleep(0.3)
        assert sum(len(part) for front in adapter.fronts for part in front._raw) <= 2**20
        connection.reset()


@pytest.mark.parametrize(
    "wire",
    [
        request(),
        request(target=b"POST /api/chat?a=b HTTP/1.1"),
    ],
    ids=["answered here", "left to aiohttp"],
)
async def test_what_is_over_is_gone_at_once(adapter: Running, wire: bytes):
    """What is large and stands in a circle would wait for the collector."""
    gc.collect()
    gc.disable()
    try:
        async with await Connection.open(adapter.url) as connection:
            await say(connection, b"\r\n")
            [front] = map(weakref.ref, adapter.fronts)
            await say(connection, wire)
            assert (await answered(connection)).status == 200
        async with asyncio.timeout(1):
            while front() is not None:  # noqa: ASYNC110  # the server notices a moment later
                await asyncio.sleep(0.01)
    finally:
        gc.enable()
