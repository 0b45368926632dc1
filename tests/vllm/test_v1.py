"""The routes below /v1 before the real engine: its own answers, under the name asked for."""

import json

import pytest

from tests.support.raw_http import Connection, post
from tests.vllm.slots import becomes

HI = [{"role": "user", "content": "hello there"}]
ASKED = "TINY-chat:latest"
BODIES = {
    "/v1/chat/completions": {"messages": HI, "max_tokens": 8},
    "/v1/completions": {"prompt": "hello there", "max_tokens": 8},
    "/v1/responses": {"input": "hello there", "max_output_tokens": 8},
    "/v1/messages": {"messages": HI, "max_tokens": 8},
}
ENDS = ("data: [DONE]", "event: response.completed", "event: message_stop")
ROUTES = pytest.mark.parametrize("path", BODIES)
# What differs from one answer to the next.
VOLATILE = ("id", "created", "created_at", "metrics", "model", "usage")


def steady(value: object) -> object:
    """An answer without what differs from one to the next."""
    if isinstance(value, dict):
        return {key: steady(inner) for key, inner in value.items() if key not in VOLATILE}
    return [steady(inner) for inner in value] if isinstance(value, list) else value


@ROUTES
async def test_a_whole_answer(engine, chatting, path):
    fields = BODIES[path] | {"temperature": 0}
    expected = await post(engine.url, path, fields | {"model": "tiny-chat"}, within=60)
    reply = await chatting.post(path, fields | {"model": ASKED}, within=60)
    assert (reply.status, reply.json["model"]) == (200, ASKED)
    assert steady(reply.json) == steady(expected.json)


@ROUTES
async def test_a_stream(chatting, path):
    request = BODIES[path] | {"model": ASKED, "stream": True}
    reply = await chatting.post(path, request, within=60)
    assert reply.headers["content-type"] == "text/event-stream"
    assert f'"model":"{ASKED}"' in reply.text
    assert '"tiny-chat"' not in reply.text
    assert reply.text.endswith("\n\n")
    assert reply.text.rstrip("\n").rpartition("\n\n")[2].startswith(ENDS)


@ROUTES
@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_frees_the_slot(engine, chatting, path, stream):
    endless = {"ignore_eos": True, "max_tokens": 4000, "max_output_tokens": 4000}
    body = BODIES[path] | endless | {"model": ASKED, "stream": stream}
    await becomes(engine, 0)
    connection = await Connection.open(chatting.url)
    await connection.send("POST", path, json.dumps(body).encode())
    await becomes(engine, 1, asked=connection)
    await connection.close()
    await becomes(engine, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [], "tool_choice": "auto"},
        {"stream_options": {"include_usage": True}},
        {"max_tokens": 32000, "stop": "e"},
        {"stop": [""], "seed": None},
        {"messages": [{"role": "developer", "content": "Be brief."}, *HI]},
        {
            "messages": [
                *HI,
                {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]},
                {"role": "tool", "content": "x"},
            ]
        },
    ],
    ids=json.dumps,
)
async def test_what_vllm_would_refuse(chatting, fields):
    request = {"model": "tiny-chat", "messages": HI, "max_tokens": 4} | fields
    reply = await chatting.post("/v1/chat/completions", request, within=60)
    assert reply.status == 200, reply.text


async def test_a_prompt_that_is_too_long(chatting):
    turns = [{"role": "user", "content": "hello " * 6000}]
    for path in ("/v1/chat/completions", "/v1/messages"):
        request = {"model": "tiny-chat", "messages": turns, "max_tokens": 4, "stream": True}
        reply = await chatting.post(path, request, within=60)
        assert reply.status == 400
        assert "longer than the context length" in reply.json["error"]["message"]


async def test_tokens(chatting):
    counted = await chatting.post("/v1/messages/count_tokens", {"model": ASKED, "messages": HI})
    listed = await chatting.post("/v1/tokenize", {"model": ASKED, "messages": HI})
    assert counted.json["input_tokens"] == listed.json["count"] == len(listed.json["tokens"])
    text = {"model": ASKED, "tokens": listed.json["tokens"]}
    assert "hello there" in (await chatting.post("/v1/detokenize", text)).json["prompt"]
