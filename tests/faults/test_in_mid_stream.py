"""Failures after the first byte: one error line, no `done`, and an end."""

import json

import pytest

from tests.support import plays, words
from tests.support.machine import PROMPTLY
from tests.support.masks import masked
from tests.support.recordings import recording
from tests.support.serve import IMPATIENT, serving

TURNS = [{"role": "user", "content": "hi"}]
BODY = {"model": "tiny-chat", "messages": TURNS, "prompt": "hi"}
WIRE = recording("chat_stream_usage")
TEXTS = WIRE.events[1:7]
AFTER_TWO = sum(map(len, WIRE.events[:3]))
IN_THE_THIRD = AFTER_TWO + 60
BEFORE_FINISH = sum(map(len, WIRE.events[:6]))
IDLE = {"connect": 0.5, "first_byte": 30.0, "idle": 0.5}
"""As in production: the first token may take long, what follows it may not."""
PATHS = pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])

BREAKS = {
    "clean end": plays.end_after("chat_stream_usage", AFTER_TWO),
    "clean end within an event": plays.end_after("chat_stream_usage", IN_THE_THIRD),
    "clean end before the finish": plays.end_after("chat_stream_usage", BEFORE_FINISH),
    "dropped": plays.drop_after("chat_stream_usage", AFTER_TWO),
    "dropped within an event": plays.drop_after("chat_stream_usage", IN_THE_THIRD),
    "reset": plays.reset_after("chat_stream_usage", AFTER_TWO),
    "reset within an event": plays.reset_after("chat_stream_usage", IN_THE_THIRD),
    "not JSON": plays.garbage_after("chat_stream_usage", 3, b"data: {nonsense\n\n"),
    "binary": plays.garbage_after("chat_stream_usage", 3, b"data: \xff\xfe\x00\n\n"),
    "no object": plays.garbage_after("chat_stream_usage", 3, b"data: [1,2]\n\n"),
    "text of a wrong type": plays.garbage_after(
        "chat_stream_usage", 3, b'data: {"choices":[{"delta":{"content":5}}]}\n\n'
    ),
    "done without a finish": plays.garbage_after("chat_stream_usage", 3, words.DONE),
    "error event": plays.garbage_after("chat_stream_usage", 3, words.ENGINE_FAULT),
    "error that is a string": plays.garbage_after(
        "chat_stream_usage", 3, b'data: {"error":"boom"}\n\n'
    ),
    "aborted": plays.garbage_after("chat_stream_usage", 3, words.finish("abort")),
}
SILENCES = {
    "silence": plays.hang_after("chat_stream_usage", 3),
    "comments": plays.comments_after("chat_stream_usage", 3, 0.05),
    "half an event": plays.hang_within("chat_stream_usage", IN_THE_THIRD),
}


def is_broken(reply) -> None:
    assert reply.status == 200
    assert reply.ended
    *before, last = reply.lines
    assert list(last) == ["error"]
    assert isinstance(last["error"], str)
    assert last["error"]
    assert not any(line["done"] for line in before)
    assert len(before) >= 2
    assert [chunk.count(b"\n") for chunk in reply.chunks] == [1] * len(reply.chunks)


def is_refused(reply, *statuses: int) -> None:
    assert reply.status in statuses
    assert list(reply.json) == ["error"]


@PATHS
@pytest.mark.parametrize("name", BREAKS)
class TestTheStreamBreaks:
    async def test_streamed(self, scripted, adapter, path: str, name: str):
        scripted.play = BREAKS[name]
        is_broken(await adapter.post(path, BODY, within=3))
        await scripted.until(lambda: scripted.in_flight == 0, within=PROMPTLY)

    async def test_as_one_object(self, scripted, adapter, path: str, name: str):
        """Never half an answer with a 200."""
        scripted.play = BREAKS[name]
        is_refused(await adapter.post(path, BODY | {"stream": False}, within=3), 500, 502)
        scripted.play = words.words
        assert (await adapter.post(path, BODY | {"stream": False})).status == 200


@PATHS
@pytest.mark.parametrize("name", SILENCES)
class TestTheEngineFallsSilent:
    async def test_streamed(self, scripted, path: str, name: str):
        scripted.play = SILENCES[name]
        async with serving(scripted.url, timeouts=IDLE) as adapter:
            is_broken(await adapter.post(path, BODY, within=3))
            await scripted.until(lambda: scripted.in_flight == 0, within=PROMPTLY)
            scripted.play = words.words
            assert (await adapter.post(path, BODY)).lines[-1]["done"] is True

    async def test_as_one_object(self, scripted, path: str, name: str):
        scripted.play = SILENCES[name]
        async with serving(scripted.url, timeouts=IDLE) as adapter:
            is_refused(await adapter.post(path, BODY | {"stream": False}, within=3), 500, 504)
            await scripted.until(lambda: scripted.in_flight == 0, within=PROMPTLY)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_slow_engine_is_not_silent(scripted, stream):
    """Longer than every limit in all, but never between two events."""
    scripted.play = plays.slow("chat_stream_usage", 0.15)
    async with serving(scripted.url, timeouts=IMPATIENT) as adapter:
        reply = await adapter.post("/api/chat", BODY | {"stream": stream})
        assert reply.status == 200
        assert json.loads(reply.chunks[-1])["done"] is True


@pytest.mark.parametrize("tail", [0, 1, 2], ids=["usage and [DONE]", "[DONE]", "nothing"])
async def test_what_may_be_missing_at_the_end(scripted, adapter, tail: int):
    """Finish and counts make an answer; [DONE] adds nothing to them."""
    scripted.play = plays.stream(WIRE.events[: 7 + tail])
    last = (await adapter.post("/api/chat", BODY)).lines[-1]
    if tail:
        assert (last["done"], last["prompt_eval_count"], last["eval_count"]) == (True, 13, 6)
    else:
        assert list(last) == ["error"]


async def test_the_stream_may_be_cut_anywhere(scripted, adapter):
    """Two writes, at every byte: the same lines."""
    whole = masked((await play_cut(scripted, adapter)).body)
    for position in range(1, len(WIRE.body)):
        reply = await play_cut(scripted, adapter, position)
        assert masked(reply.body) == whole, position


async def test_the_stream_may_come_byte_by_byte(scripted, adapter):
    whole = masked((await play_cut(scripted, adapter)).body)
    positions = range(1, len(WIRE.body))
    assert masked((await play_cut(scripted, adapter, *positions)).body) == whole


async def play_cut(scripted, adapter, *positions: int):
    scripted.play = plays.cut_at("chat_stream_usage", *positions)
    reply = await adapter.post("/api/chat", BODY)
    assert len(reply.chunks) == 7
    return reply
