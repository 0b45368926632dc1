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
