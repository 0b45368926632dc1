"""The end of the adapter, as connections of the first reader see it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from tests.support import plays, words
from tests.support.fronts import (
    STREAM,
    WHOLE,
    Running,
    answered,
    ends,
    request,
    running,
    say,
)
from tests.support.loops import BOTH
from tests.support.raw_http import Connection
from tests.support.scripted_vllm import Play, ScriptedVLLM

LOOPS = BOTH
GRACE = 1.0
TOLD = b'{"error":"the adapter is shutting down"}'


class Stoppable:
    """An adapter that is there until `stop`."""

    def __init__(self, adapter: Running, stack: contextlib.AsyncExitStack) -> None:
        self.adapter = adapter
        self._stack = stack

    def stop(self) -> asyncio.Task[float]:
        """The seconds that it takes."""
        return asyncio.get_running_loop().create_task(self._stop())

    async def _stop(self) -> float:
        began = time.monotonic()
        async with asyncio.timeout(10):
            await self._stack.aclose()
        return time.monotonic() - began


@pytest.fixture
async def house(scripted: ScriptedVLLM) -> AsyncIterator[Stoppable]:
    async with contextlib.AsyncExitStack() as stack:
        adapter = await stack.enter_async_context(running(scripted.url, grace=GRACE))
        yield Stoppable(adapter, stack)


@pytest.mark.parametrize("sent", [b"", request()[:20], request()[:-1]])
async def test_what_is_idle_is_closed(house: Stoppable, sent: bytes):
    async with await Connection.open(house.adapter.url) as connection:
        await say(connection, request())
        await answered(connection)
        await say(connection, sent)
        assert await house.stop() < GRACE
        assert await ends(connection)


async def test_a_stream_ends_in_its_own_words(scripted: ScriptedVLLM, house: Stoppable):
    scripted.play = plays.endless("chat_stream_usage", 3)
    async with await Connection.open(house.adapter.url) as connection:
        await say(connection, request(body=STREAM))
        await scripted.until(lambda: scripted.in_flight == 1)
        stopping = house.stop()
        answer = await asyncio.wait_for(answered(connection), 5)
        assert answer.body.endswith(b"\n" + TOLD + b"\n")
        assert await ends(connection)
        assert GRACE <= await stopping < GRACE + 1
    await scripted.until(lambda: scripted.in_flight == 0)


@pytest.mark.parametrize(
    ("target", "play"),
    [
        (b"POST /api/chat HTTP/1.1", plays.endless("chat_stream_usage", 3)),
        (b"POST /v1/chat/completions HTTP/1.1", plays.hang_before_headers),
    ],
)
async def test_a_whole_answer_is_the_last(
    scripted: ScriptedVLLM, house: Stoppable, target: bytes, play: Play
):
    scripted.play = play
    async with await Connection.open(house.adapter.url) as connection:
        await say(connection, request(target=target))
        await scripted.until(lambda: scripted.in_flight == 1)
        stopping = house.stop()
        answer = await asyncio.wait_for(answered(connection), 5)
        assert answer.status == 503
        assert b"Connection: close" in answer.lines
        assert await ends(connection)
        assert await stopping < GRACE + 1


async def test_an_answer_is_finished(scripted: ScriptedVLLM, house: Stoppable):
    scripted.play = plays.slow("chat_stream_usage", 0.05)
    async with await Connection.open(house.adapter.url) as connection:
        await say(connection, request(body=STREAM))
        await scripted.until(lambda: scripted.in_flight == 1)
        stopping = house.stop()
        assert b'"done":true' in (await asyncio.wait_for(answered(connection), 5)).body
        assert await ends(connection)
        assert await stopping < GRACE + 1


async def test_what_was_sent_before_its_turn_is_not_begun(scripted: ScriptedVLLM, house: Stoppable):
    scripted.play = plays.endless("chat_stream_usage", 3)
    async with await Connection.open(house.adapter.url) as connection:
        await say(connection, request(body=STREAM))
        await scripted.until(lambda: scripted.in_flight == 1)
        await say(connection, request(body=STREAM))
        stopping = house.stop()
        assert TOLD in (await asyncio.wait_for(answered(connection), 5)).body
        with contextlib.suppress(ConnectionResetError):
            assert await ends(connection)
        await stopping
    assert len(scripted.seen) == 1


async def test_a_client_that_reads_nothing_does_not_hold_it_up(
    scripted: ScriptedVLLM, house: Stoppable
):
    scripted.play = plays.stream([words.role(), *[words.text("x" * 100_000)] * 300])
    connection = await Connection.open(house.adapter.url, receive_buffer=4096)
    connection.writer.transport.pause_reading()
    await say(connection, request(body=STREAM))
    await asyncio.sleep(0.5)
    assert await house.stop() < GRACE + 2
    connection.reset()
    await connection.close()


async def test_what_is_idle_is_closed_at_once_though_another_streams(
    scripted: ScriptedVLLM, house: Stoppable
):
    """Its client goes where it is answered, instead of beginning what is cut off."""
    scripted.play = plays.endless("chat_stream_usage", 3)
    url = house.adapter.url
    async with await Connection.open(url) as busy, await Connection.open(url) as idle:
        await say(busy, request(body=STREAM))
        await say(idle, request(body=b"{"))
        await answered(idle)
        await scripted.until(lambda: scripted.in_flight == 1)
        stopping = house.stop()
        closed = await ends(idle, within=GRACE / 2)
        assert TOLD in (await asyncio.wait_for(answered(busy), 5)).body
        await stopping
    assert closed


@pytest.mark.parametrize("body", [WHOLE, STREAM])
async def test_an_answer_on_its_way_arrives(scripted: ScriptedVLLM, house: Stoppable, body: bytes):
    """It is written, its client takes it: that may last as long as an answer that is made."""
    text = words.text("x" * 4_000_000)
    scripted.play = plays.stream([words.role(), text, words.finish(), words.DONE])
    connection = await Connection.open(house.adapter.url, receive_buffer=4096)
    connection.writer.transport.pause_reading()
    await say(connection, request(body=body))
    await asyncio.sleep(0.7)
    stopping = house.stop()
    connection.writer.transport.resume_reading()
    try:
        answer = await asyncio.wait_for(answered(connection), 5)
    finally:
        await stopping
        await connection.close()
    assert b"x" * 4_000_000 in answer.body
    assert b'"done":true' in answer.body


async def test_a_client_that_is_behind_is_told(scripted: ScriptedVLLM, house: Stoppable):
    """It reads on a moment after the stream has been ended."""
    scripted.play = plays.stream([words.role(), *[words.text("x" * 50_000)] * 600])
    connection = await Connection.open(house.adapter.url, receive_buffer=4096)
    connection.writer.transport.pause_reading()
    await say(connection, request(body=STREAM))
    await asyncio.sleep(0.5)
    stopping = house.stop()
    await asyncio.sleep(GRACE + 0.15)
    connection.writer.transport.resume_reading()
    try:
        answer = await asyncio.wait_for(answered(connection), 5)
    finally:
        await stopping
        await connection.close()
    assert answer.body.endswith(TOLD + b"\n")
