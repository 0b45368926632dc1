from __future__ import annotations

import asyncio
from typing import Any

import pytest

from adapter.errors import AdapterError, Stopping
from adapter.server.drain import OpenStreams


class Stream:
    """Stands where EngineStream does: told to end, it remembers why."""

    def __init__(self) -> None:
        self.ended_by: list[AdapterError] = []

    def end(self, error: AdapterError) -> None:
        self.ended_by.append(error)


async def test_nothing_open_is_nothing_to_wait_for():
    await OpenStreams().end(grace=60)


async def test_what_ends_in_time_is_left_alone():
    streams, stream = OpenStreams(), Stream()
    opened: Any = stream
    with streams.counted(opened):
        ending = asyncio.ensure_future(streams.end(grace=60))
        await asyncio.sleep(0)
        assert not ending.done()
    await ending
    assert stream.ended_by == []


async def test_what_goes_on_is_told_why_it_ends():
    streams, first, second = OpenStreams(), Stream(), Stream()
    opened: list[Any] = [first, second]
    with streams.counted(opened[0]), streams.counted(opened[1]):
        await streams.end(grace=0.01)
    for stream in (first, second):
        (error,) = stream.ended_by
        assert (error.status, error.message) == (503, "the adapter is shutting down")


async def test_a_wait_for_an_answer_is_ended_too():
    streams = OpenStreams()

    async def wait() -> None:
        with streams.opening():
            await asyncio.Event().wait()

    ends = await asyncio.gather(wait(), streams.end(0.01), return_exceptions=True)
    assert isinstance(ends[0], Stopping)
    await streams.end(5)  # nothing is left to wait for


async def test_a_wait_that_is_given_up_by_itself_says_so():
    waiting = asyncio.ensure_future(_waiting(OpenStreams()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def _waiting(streams: OpenStreams) -> None:
    with streams.opening():
        await asyncio.Event().wait()


async def test_what_begins_after_the_end_is_told_so():
    """A request may have been on its way to the engine when the end came."""
    streams, stream = OpenStreams(), Stream()
    await streams.end(grace=60)
    opened: Any = stream
    streams.begin(opened)
    assert [str(error) for error in stream.ended_by] == ["the adapter is shutting down"]
    with pytest.raises(Stopping):
        await _waiting(streams)
