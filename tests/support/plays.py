"""What the scripted vLLM does with a request: recordings, and the ways in which they go wrong."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable

import orjson

from tests.support.recordings import Recording, recording
from tests.support.scripted_vllm import Play, Stage


def recorded(name: str) -> Play:
    """The recording, each event in a write of its own."""
    found = recording(name)

    async def play(stage: Stage) -> None:
        if not found.content_type.startswith("text/event-stream"):
            await stage.answer(found)
            return
        await begin(stage, found)
        for event in found.events:
            await stage.write(event)

    return play


def in_turn(*plays: Play) -> Play:
    """The first request gets the first play, and so on; the last one stays."""
    left = list(plays)

    async def play(stage: Stage) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(stage)

    return play


def cut_at(name: str, *positions: int) -> Play:
    """The recorded body in writes that end at these byte positions."""
    found = recording(name)
    bounds = [0, *positions, len(found.body)]

    async def play(stage: Stage) -> None:
        await begin(stage, found)
        for start, end in itertools.pairwise(bounds):
            if start < end:
                await stage.write(found.body[start:end])

    return play


def stream(events: Iterable[bytes]) -> Play:
    """These events and a clean end."""
    found = recording("chat_stream_usage")
    kept = list(events)

    async def play(stage: Stage) -> None:
        await begin(stage, found)
        for event in kept:
            await stage.write(event)

    return play


def slow(name: str, delay: float) -> Play:
    """The recording with a pause before every event."""
    found = recording(name)

    async def play(stage: Stage) -> None:
        await begin(stage, found)
        for event in found.events:
            await asyncio.sleep(delay)
            await stage.write(event)

    return play


def endless(name: str, events: int, delay: float = 0.01) -> Play:
    """The first events, then the last of them again and again."""
    found = recording(name)

    async def play(stage: Stage) -> None:
        await begin(stage, found, events)
        while True:
            await asyncio.sleep(delay)
            await stage.write(found.events[events - 1])

    return play


def refuse(status: int, error: object) -> Play:
    """A JSON error before the stream."""
    body = orjson.dumps(error)

    async def play(stage: Stage) -> None:
        await stage.head(status, {"content-type": "application/json"}, length=len(body))
        await stage.write(body)

    return play


def refuse_in_pieces(status: int, body: bytes, at: int) -> Play:
    """A JSON error whose body comes in two reads; `at` 0: it never comes."""

    async def play(stage: Stage) -> None:
        await stage.head(status, {"content-type": "application/json"}, length=len(body))
        if not at:
            await stage.hang()
        await stage.write(body[:at])
        await asyncio.sleep(0.1)
        await stage.write(body[at:])

    return play


def after(delay: float, then: Play) -> Play:
    async def play(stage: Stage) -> None:
        await asyncio.sleep(delay)
        await then(stage)

    return play


def late_headers(delay: float) -> Play:
    """Headers after a while, then silence."""

    async def play(stage: Stage) -> None:
        await asyncio.sleep(delay)
        await begin(stage, recording("chat_stream_usage"))
        await stage.hang()

    return play


def redirect(status: int, to: str) -> Play:
    async def play(stage: Stage) -> None:
        await stage.head(status, {"location": to}, length=0)

    return play


async def one_object(stage: Stage) -> None:
    """A whole completion, as if nobody had asked for a stream."""
    await stage.answer(recording("chat_nonstream"))


def half_an_answer(name: str) -> Play:
    """The first half of a body whose length was told, then the connection closes."""
    found = recording(name)

    async def play(stage: Stage) -> None:
        await stage.head(200, {"content-type": "application/json"}, length=len(found.body))
        await stage.write(found.body[: len(found.body) // 2])
        await stage.drop()

    return play


async def hang_before_headers(stage: Stage) -> None:
    await stage.hang()


def hang_after(name: str, events: int) -> Play:
    """The first events, then silence."""
    found = recording(name)

    async def play(stage: Stage) -> None:
        await begin(stage, found, events)
        await stage.hang()

    return play


def hang_within(name: str, size: int) -> Play:
    """So many bytes, then silence."""
    found = recording(name)

    async def play(stage: Stage) -> None:
        await begin(stage, found)
        await stage.write(found.body[:size])
        await stage.hang()

    return play


def comments_after(name: str, events: int, every: float) -> Play:
    """The first events, then comments for ever, as vLLM sends while it hangs in shutdown."""
    found = recording(name)

    async def play(stage: Stage) -> None:
        await begin(stage, found, events)
        while True:
            await stage.write(b": keep-alive\n\n")
            await asyncio.sleep(every)

    return play


def end_after(name: str, size: int) -> Play:
    """So many bytes, then a clean end of the chunked body."""
    found = recording(name)

    async def play(stage: Stage) -> None:
        await begin(stage, found)
        if size:
            await stage.write(found.body[:size])

    return play


def drop_after(name: str, size: int) -> Play:
    """So many bytes, then the connection closes without the last chunk."""
    found = recording(name)

    async def play(stage: Stage) -> None:
        await begin(stage, found)
        if size:
            await stage.write(found.body[:size])
        await stage.drop()

    return play


def reset_after(name: str, size: int) -> Play:
    """So many bytes, then RST. The bytes before it are given time to arrive."""
    found = recording(name)

    async def play(stage: Stage) -> None:
        await begin(stage, found)
        if size:
            await stage.write(found.body[:size])
        await asyncio.sleep(0.05)
        await stage.reset()

    return play


async def reset_before_headers(stage: Stage) -> None:
    await stage.reset()


async def close_before_headers(stage: Stage) -> None:
    await stage.drop()


async def garbage_instead_of_http(stage: Stage) -> None:
    stage.raw(b"\x16\x03\x01 this is no HTTP at all\r\n\r\n")
    await stage.drop()


def garbage_after(name: str, events: int, garbage: bytes) -> Play:
    """The first events, then an event that is none, then the rest."""
    found = recording(name)

    async def play(stage: Stage) -> None:
        await begin(stage, found)
        for event in [*found.events[:events], garbage, *found.events[events:]]:
            await stage.write(event)

    return play


async def a_web_page(stage: Stage) -> None:
    """Status 200 and HTML: a proxy's login page, say."""
    body = b"<html><body>please log in</body></html>"
    await stage.head(200, {"content-type": "text/html"}, length=len(body))
    await stage.write(body)


async def plain_text(stage: Stage) -> None:
    """Status 200 and words."""
    await stage.head(200, {"content-type": "text/plain"}, length=5)
    await stage.write(b"hello")


async def begin(stage: Stage, found: Recording, events: int = 0) -> None:
    """The recorded head, and so many of the events."""
    await stage.head(found.status, dict(found.headers))
    for event in found.events[:events]:
        await stage.write(event)
