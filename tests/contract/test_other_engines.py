"""An OpenAI server that is no vLLM gets no field that only vLLM knows."""

from collections.abc import AsyncIterator

import pytest

from adapter.server.app import make_app
from adapter.server.run import start
from adapter.settings import Settings
from tests.support import plays
from tests.support.machine import fresh_state_dir
from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import PATIENT, Adapter

PLAIN = {
    "model": "tiny-chat",
    "messages": [{"role": "user", "content": "hi"}],
    "stream": True,
    "stream_options": {"include_usage": True},
}
CHAT = {"model": "tiny-chat", "messages": PLAIN["messages"]}
PROMPT = {"model": "tiny-chat", "prompt": "hi"}


@pytest.fixture(params=[{}, {"capabilities": ["completion", "thinking", "tools"]}])
async def adapter(scripted: ScriptedVLLM, request) -> AsyncIterator[Adapter]:
    upstream = {"name": "other", "url": scripted.url, "kind": "openai", "timeouts": PATIENT}
    models = {"tiny-chat": request.param} if request.param else {}
    settings = Settings.model_validate(
        {
            "upstreams": [upstream],
            "models": models,
            "server": {"port": 0, "state_dir": fresh_state_dir()},
        }
    )
    runner, port = await start(make_app(settings), settings)
    running = Adapter(f"http://127.0.0.1:{port}")
    await running.until_ready()
    yield running
    await runner.cleanup()


async def test_nothing_but_what_openai_has(scripted, adapter):
    begun = [*PLAIN["messages"], {"role": "assistant", "content": "one"}]
    for path, body in (
        ("/api/chat", CHAT),
        ("/api/chat", CHAT | {"stream": False}),
        ("/api/generate", PROMPT),
    ):
        assert (await adapter.post(path, body)).status == 200
    assert scripted.bodies == [PLAIN] * 3
    assert (await adapter.post("/api/chat", CHAT | {"messages": begun})).status == 200
    sent = scripted.bodies[-1]
    assert sent.pop("reasoning_effort", "none") == "none"
    assert sent == PLAIN | {"messages": begun}


async def test_tools_are_its_to_refuse(scripted, adapter):
    tool = {"type": "function", "function": {"name": "f"}}
    assert (await adapter.post("/api/chat", CHAT | {"tools": [tool]})).status == 200
    assert scripted.bodies[0] == PLAIN | {"tools": [tool]}
    [listed] = (await adapter.get("/api/tags")).json["models"]
    assert "tools" in listed["capabilities"]
    assert not [line for line in scripted.asked if "tokenize" in line]


async def test_it_has_no_context(scripted, adapter):
    reply = await adapter.post("/api/generate", PROMPT | {"context": [1, 2]})
    assert (reply.status, reply.json) == (400, {"error": '"tiny-chat" does not support context'})
    assert scripted.seen == []
    assert "context" not in (await adapter.post("/api/generate", PROMPT)).lines[-1]


async def test_a_prompt_that_is_too_long_is_told_as_such(scripted, adapter):
    too_long = plays.recorded("err_context")
    missing = plays.refuse(404, {"error": "File Not Found"})

    async def play(stage):
        await (missing if stage.received.path.endswith("tokenize") else too_long)(stage)

    scripted.play = play
    messages = [*PLAIN["messages"], {"role": "assistant", "content": "x"}, *PLAIN["messages"]]
    for path, body in (("/api/chat", CHAT | {"messages": messages}), ("/api/generate", PROMPT)):
        reply = await adapter.post(path, body)
        assert reply.status == 400, reply.text
        assert "longer than the context length" in reply.json["error"]
