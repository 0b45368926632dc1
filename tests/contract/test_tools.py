"""Tools: what vLLM is asked, and what it says, as clients of Ollama read it."""

import json

import pytest

from tests.support import plays, words
from tests.support.masks import masked
from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import serving

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "the weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}
CHAT = {
    "model": "tiny-chat",
    "messages": [{"role": "user", "content": "the weather?"}],
    "tools": [TOOL],
}
HEAD = b'{"model":"tiny-chat","created_at":"T","message":{"role":"assistant","content":"",'
CALLED = (
    b'"tool_calls":[{"id":"chatcmpl-tool-84ed42dd88e537cd","function":{"index":0,'
    b'"name":"get_weather","arguments":{"city":"Paris","days":3}}}]},"done":true,'
    b'"done_reason":"stop","total_duration":1,"load_duration":1,"prompt_eval_count":345,'
    b'"prompt_eval_duration":1,"eval_count":62,"eval_duration":1}'
)


@pytest.fixture
async def scripted():
    server = ScriptedVLLM(words.words, abilities=frozenset({"tools"}))
    await server.up()
    yield server
    await server.down()


async def test_a_recorded_call_is_the_last_line(scripted, adapter):
    scripted.play = plays.recorded("tool_auto_forced_text_stream")
    reply = await adapter.post("/api/chat", CHAT)
    assert reply.headers["content-type"] == "application/x-ndjson"
    assert [masked(chunk) for chunk in reply.chunks] == [HEAD + CALLED + b"\n"]


async def test_a_recorded_call_as_one_object(scripted, adapter):
    scripted.play = plays.recorded("tool_auto_forced_text_stream")
    reply = await adapter.post("/api/chat", CHAT | {"stream": False})
    assert masked(reply.body) == HEAD + CALLED
    assert reply.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("stream", [True, False])
async def test_several_calls_after_text(scripted, adapter, stream: bool):
    events = [words.role(), words.text("one moment"), *words.tool_calls()]
    scripted.play = plays.stream(
        [*events, words.finish("tool_calls"), words.usage(7, 3), words.DONE]
    )
    reply = await adapter.post("/api/chat", CHAT | {"stream": stream})
    lines = reply.lines if stream else [reply.json]
    assert [line["message"]["content"] for line in lines] == (
        ["one moment", ""] if stream else ["one moment"]
    )
    assert lines[-1]["message"]["tool_calls"] == [
        {
            "id": "abc123",
            "function": {"index": 0, "name": "get_weather", "arguments": {"city": "Paris"}},
        },
        {"id": "def", "function": {"index": 1, "name": "get_time", "arguments": {}}},
    ]
    assert lines[-1]["done_reason"] == "stop"


@pytest.mark.parametrize("name", ["q3_off_tool_required_stream_strict", "tool_named_strict_stream"])
async def test_a_recorded_call_that_was_cut_is_an_error(scripted, adapter, name: str):
    scripted.play = plays.recorded(name)
    reply = await adapter.post("/api/chat", CHAT)
    whole = await adapter.post("/api/chat", CHAT | {"stream": False})
    for found in (reply, whole):  # nothing was shown before, so the status could still be told
        assert (found.status, list(found.json)) == (500, ["error"])
        assert 'invalid tool call arguments for "get_weather": ' in found.json["error"]


async def test_a_call_that_broke_after_text_ends_in_an_error_line(scripted, adapter):
    broken = [words.call_begun(0, "a", "f"), words.call_piece(0, "[1]")]
    events = [words.role(), words.text("hm"), *broken, words.finish("tool_calls")]
    scripted.play = plays.stream([*events, words.usage(7, 3), words.DONE])
    reply = await adapter.post("/api/chat", CHAT)
    first, last = reply.lines
    assert (reply.status, first["message"]["content"]) == (200, "hm")
    assert last == {
        "error": 'the model returned invalid tool call arguments for "f": they are no JSON object'
    }


async def test_definitions_go_out_as_they_came(scripted, adapter):
    bare = {"function": TOOL["function"] | {"strict": True}}
    tools = [TOOL, bare]
    assert (await adapter.post("/api/chat", CHAT | {"tools": tools})).status == 200
    [body] = scripted.bodies
    assert json.dumps(body["tools"][0]) == json.dumps(TOOL)
    assert body["tools"][1] == {"type": "function", **bare}
    assert "tool_choice" not in body


@pytest.mark.parametrize("choice", ["required", "none", {"type": "function", "function": {}}])
async def test_tool_choice_is_passed_on(scripted, adapter, choice):
    await adapter.post("/api/chat", CHAT | {"tool_choice": choice})
    await adapter.post("/api/chat", CHAT | {"tool_choice": choice, "tools": []})
    first, second = scripted.bodies
    assert first["tool_choice"] == choice
    assert not {"tools", "tool_choice"} & second.keys()


HISTORY = (
    b'{"model":"tiny-chat","messages":[{"role":"user","content":"the weather?"},'
    b'{"role":"assistant","content":"","tool_calls":['
    b'{"function":{"name":"get_weather","arguments":{"days":1,"city":"Oslo"}}},'
    b'{"function":{"name":"get_weather","arguments":{"city":"Bergen"}}},'
    b'{"id":"call_abc","function":{"name":"get_time","arguments":{}}}]},'
    b'{"role":"tool","content":"12:00","tool_call_id":"call_abc"},'
    b'{"role":"tool","content":"snow","tool_name":"get_weather"},'
    b'{"role":"tool","content":"rain"}]}'
)


async def test_calls_and_results_of_earlier_turns(scripted, adapter):
    assert (await adapter.post("/api/chat", HISTORY)).status == 200
    [body] = scripted.bodies

    def call(id: str, name: str, arguments: str) -> dict:
        return {
            "id": id,
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }

    assert body["messages"] == [
        {"role": "user", "content": "the weather?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                call("call00001", "get_weather", '{"days":1,"city":"Oslo"}'),
                call("call00002", "get_weather", '{"city":"Bergen"}'),
                call("call_abc", "get_time", "{}"),
            ],
        },
        {"role": "tool", "content": "12:00", "tool_call_id": "call_abc", "name": "get_time"},
        {"role": "tool", "content": "snow", "tool_call_id": "call00001", "name": "get_weather"},
        {"role": "tool", "content": "rain", "tool_call_id": "call00002", "name": "get_weather"},
    ]


async def test_arguments_as_text_are_refused_as_by_ollama(scripted, adapter):
    turn = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
    reply = await adapter.post("/api/chat", CHAT | {"messages": [turn]})
    assert reply.status == 400
    assert reply.json["error"].startswith("json: cannot unmarshal string into Go struct field ")
    assert scripted.seen == []


async def test_a_model_without_tools_is_not_asked(scripted):
    scripted.abilities = frozenset()
    async with serving(scripted.url) as adapter:
        await adapter.until_ready()
        reply = await adapter.post("/api/chat", CHAT)
        assert reply.status == 400
        assert reply.json == {
            "error": "registry.ollama.ai/library/tiny-chat:latest does not support tools"
        }
        assert (await adapter.post("/api/chat", CHAT | {"tools": []})).status == 200
        # What earlier turns held is no reason to refuse.
        assert (await adapter.post("/api/chat", HISTORY)).status == 200
