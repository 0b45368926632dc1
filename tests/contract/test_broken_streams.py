"""What vLLM was recorded with when a stream broke: never an end that looks like one."""

import json

import pytest

from tests.support import plays
from tests.support.recordings import recording

CHAT = {"model": "tiny-chat", "messages": [{"role": "user", "content": "hello there"}]}
GENERATE = {"model": "tiny-chat", "prompt": "hello there"}
RUNNING = "an error was encountered while running the model: "

BROKEN = ["stream_abort", "stream_engine_killed", "stream_keepalive", "stream_sigkill"]


def texts(name: str) -> list[str]:
    events = [event for event in recording(name).events if event.startswith(b"data: {")]
    choices = [choice for event in events for choice in json.loads(event[6:]).get("choices", ())]
    return [choice["delta"]["content"] for choice in choices if choice["delta"].get("content")]


@pytest.mark.parametrize("name", BROKEN)
async def test_the_last_line_is_an_error(scripted, adapter, name: str):
    scripted.play = plays.recorded(name)
    reply = await adapter.post("/api/chat", CHAT)
    assert reply.status == 200
    *before, last = reply.lines
    assert list(last) == ["error"]
    assert last["error"].startswith(RUNNING)
    assert not any(line["done"] for line in before)
    shown = [line["message"]["content"] for line in before if line["message"]["content"]]
    assert shown == texts(name)


@pytest.mark.parametrize("name", BROKEN)
async def test_the_last_line_of_generate_is_an_error(scripted, adapter, name: str):
    scripted.play = plays.recorded(name)
    *before, last = (await adapter.post("/api/generate", GENERATE)).lines
    assert list(last) == ["error"]
    assert [line["response"] for line in before if line["response"]] == texts(name)


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
@pytest.mark.parametrize("name", BROKEN)
async def test_one_object_is_refused(scripted, adapter, name: str, path: str):
    """Half an answer is no answer: 500, as Ollama has it."""
    scripted.play = plays.recorded(name)
    reply = await adapter.post(path, CHAT | GENERATE | {"stream": False})
    assert reply.status == 500
    assert list(reply.json) == ["error"]
    assert reply.json["error"].startswith(RUNNING)


async def test_the_error_line_tells_what_the_engine_told(scripted, adapter):
    scripted.play = plays.recorded("stream_engine_killed")
    last = (await adapter.post("/api/chat", CHAT)).lines[-1]
    assert last["error"] == (
        RUNNING + "EngineCore encountered an issue. See stack trace (above) for the root cause."
    )


async def test_an_end_that_can_not_be_written_is_an_error_in_the_same_answer(scripted, adapter):
    """JSON has room for so many levels: the call's arguments fit, the reply around them doesn't."""
    nested = '{"a":' + "[" * 251 + "]" * 251 + "}"
    call = {"index": 0, "id": "x", "type": "function", "function": {"name": "f"}}
    call["function"]["arguments"] = nested
    deltas = [({"content": "hello"}, None), ({"tool_calls": [call]}, None), ({}, "tool_calls")]
    chunks = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        for delta, reason in deltas
    ]
    chunks.append({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
    # Without [DONE]: the last line is written when the engine's bytes are over.
    scripted.play = plays.stream([b"data: %b\n\n" % json.dumps(one).encode() for one in chunks])
    reply = await adapter.post("/api/chat", CHAT)
    assert (reply.status, reply.ended) == (200, True)
    first, last = reply.lines
    assert first["message"]["content"] == "hello"
    assert last == {"error": "internal error of the adapter"}
