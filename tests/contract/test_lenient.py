"""Lenient in: what real clients send, each test with the fact, is no fault.

What they need of an answer: test_strict.py.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support import strict
from tests.support.raw_http import Reply, post, send
from tests.support.theatre import EMBEDDER, MODELS, TINY, Theatre, theatre

HI = [{"role": "user", "content": "hi"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
PARIS = {"name": "get_weather", "arguments": {"city": "Paris"}}
OSLO = {"name": "get_weather", "arguments": {"city": "Oslo"}}
CITY = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
GENERATION = pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])


@pytest.fixture
async def house() -> AsyncIterator[Theatre]:
    async with theatre(MODELS | TINY) as running:
        yield running


async def ask(house: Theatre, path: str = "/api/chat", **fields: Any) -> Reply:
    """A request of `tiny` that is answered with 200."""
    question = {"prompt": "hi"} if path == "/api/generate" else {"messages": HI}
    reply = await post(house.url, path, {"model": "tiny"} | question | fields)
    assert reply.status == 200, reply.text
    return reply


async def test_no_tools(house):
    """ollama-python sends `tools: []` with every chat; it means none."""
    await ask(house, tools=[])
    assert "tools" not in house.chat.bodies[0]


async def test_results_without_id_and_name(house):
    """LangChain's tool results are {role, content}; the turn before has no content, its calls
    neither id nor type. They belong together by their order."""
    turns = [
        *HI,
        {"role": "assistant", "tool_calls": [{"function": PARIS}, {"function": OSLO}]},
        {"role": "tool", "content": "sunny"},
        {"role": "tool", "content": "rain"},
    ]
    await ask(house, messages=turns, tools=[WEATHER])
    _, assistant, first, second = house.chat.bodies[0]["messages"]
    ids = [call["id"] for call in assistant["tool_calls"]]
    assert ids[0] != ids[1]
    assert [first["tool_call_id"], second["tool_call_id"]] == ids
    assert [call["type"] for call in assistant["tool_calls"]] == ["function"] * 2


async def test_results_with_a_name(house):
    """ollama-python's tool results name their tool."""
    calls = [{"function": {"name": "a", "arguments": {}}}, {"function": PARIS}]
    turns = [
        *HI,
        {"role": "assistant", "tool_calls": calls},
        {"role": "tool", "content": "sunny", "tool_name": "get_weather"},
        {"role": "tool", "content": "b", "tool_name": "a"},
    ]
    await ask(house, messages=turns, tools=[WEATHER])
    _, assistant, first, second = house.chat.bodies[0]["messages"]
    a, weather = (call["id"] for call in assistant["tool_calls"])
    assert (first["tool_call_id"], second["tool_call_id"]) == (weather, a)


async def test_arguments_of_the_history(house):
    """They are objects in the request and text for the engine."""
    turns = [*HI, {"role": "assistant", "tool_calls": [{"function": PARIS}]}]
    await ask(house, messages=[*turns, {"role": "tool", "content": "x"}], tools=[WEATHER])
    [call] = house.chat.bodies[0]["messages"][1]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"city": "Paris"}


@GENERATION
@pytest.mark.parametrize(
    "content_type",
    [None, "application/octet-stream", "application/x-www-form-urlencoded", "text/plain"],
)
async def test_content_types(house, path, content_type):
    """litellm sends none, older ones octet-stream, curl that of a form."""
    body = b'{"model":"tiny","prompt":"hi","messages":[{"role":"user","content":"hi"}]}'
    headers = {"Content-Type": content_type} if content_type else {}
    reply = await send(house.url, "POST", path, body, headers)
    assert reply.status == 200
    assert reply.lines[-1]["done"] is True


@pytest.mark.parametrize(
    "named", [{"name": "tiny"}, {"model": "", "name": "tiny"}, {"model": "tiny", "name": ""}]
)
async def test_name_for_model(house, named):
    """ollama-js, litellm and Continue send `name`; Go sends both, one of them ""."""
    assert (await post(house.url, "/api/show", named)).status == 200
    pulled = await post(house.url, "/api/pull", named)
    assert pulled.lines[-1] == {"status": "success"}
    await post(house.url, "/api/copy", {"source": "tiny", "destination": "copied"})
    mine = {key: value.replace("tiny", "copied") for key, value in named.items()}
    deleted = await send(house.url, "DELETE", "/api/delete", json.dumps(mine).encode())
    assert deleted.status == 200


@GENERATION
@pytest.mark.parametrize(
    "fields",
    [
        {"options": None},
        {"options": {"temperature": None, "stop": None, "num_ctx": None}},
        {"options": {"useMLock": True, "numCtx": 5, "tfs_z": 0.5, "mirostat": 1}},
        {"options": {"num_predict": 5.0, "top_k": 3.0, "seed": 1.0, "temperature": 1}},
        {"format": ""},
        {"format": None},
        {"images": []},
        {"images": None},
        {"tools": None, "think": None, "keep_alive": None, "stream": None},
        {"template": "", "system": "", "suffix": "", "context": [], "raw": False},
        {"no_such_field": {"a": [1]}},
    ],
    ids=str,
)
async def test_nothing_in_many_forms(house, path, fields):
    """Nulls, empty values, options that are none, floats for integers."""
    reply = await ask(house, path, **fields)
    assert strict.check_stream(reply)[-1]["done_reason"] == "stop"


async def test_turns_with_nothing_in_them(house):
    """litellm has `images: []` on every turn; content may be null or absent."""
    turns = [
        {"role": "user", "content": "hi", "images": []},
        {"role": "assistant", "content": None, "images": None, "tool_calls": None},
        {"role": "assistant"},
        {"role": "user", "content": "and?", "tool_calls": [], "thinking": None},
    ]
    await ask(house, messages=turns)
    contents = [turn["content"] for turn in house.chat.bodies[0]["messages"]]
    assert contents == ["hi", "", "", "and?"]


async def test_embedding_options_of_nothing(house):
    """LangChain's embeddings send 13 options, all null."""
    options = dict.fromkeys(("mirostat", "num_ctx", "stop", "tfs_z", "temperature"))
    body = {"model": EMBEDDER, "input": ["a"], "options": options}
    reply = await post(house.url, "/api/embed", body | {"truncate": None, "dimensions": None})
    assert reply.status == 200


@pytest.mark.parametrize("keep_alive", ["5m", "10s", "0s", -1.0, 0.0, -1, 300, 1800, "1h30m"])
async def test_keep_alive(house, keep_alive):
    """Go's durations, seconds, floats; nothing to say loads or, at 0, unloads."""
    for path in ("/api/chat", "/api/generate"):
        body = {"model": "tiny", "keep_alive": keep_alive}
        reply = await post(house.url, path, body)
        gone = keep_alive in ("0s", 0)
        assert reply.json["done_reason"] == ("unload" if gone else "load")
    assert house.chat.bodies == []


@pytest.mark.parametrize("name", ["tiny", "tiny:latest", "TINY", "library/tiny"])
async def test_a_bare_name(house, name):
    """It is `:latest`, and what was asked for is echoed."""
    assert (await ask(house, model=name)).lines[0]["model"] == name


async def test_pull_of_a_served_model(house):
    """Codex, mem0 and Home Assistant pull what they don't see by that very name."""
    for name in ("tiny", "tiny:latest"):
        reply = await post(house.url, "/api/pull", {"model": name, "stream": True})
        assert reply.headers["content-type"].startswith("application/x-ndjson")
        assert reply.lines[0] == {"status": "pulling manifest"}
        assert reply.lines[-1] == {"status": "success"}
    whole = await post(house.url, "/api/pull", {"model": "tiny", "stream": False})
    assert whole.json == {"status": "success"}


@pytest.mark.parametrize("wanted", ["json", CITY], ids=["json", "schema"])
async def test_formats(house, wanted):
    """The word json, or a schema."""
    reply = await ask(house, format=wanted, stream=False)
    assert isinstance(json.loads(reply.json["message"]["content"]), dict)
