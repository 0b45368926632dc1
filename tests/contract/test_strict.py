"""Strict out: what real clients need of an answer.

Each test has the fact in its docstring. Facts that other tests show already:

| fact | test |
|---|---|
| a final line comes exactly once, or an error line does | test_broken_streams.py |
| without `stream` the answer is a stream | test_statements.py: CHAT, GEN |
| `error` is a string, in a refusal and in mid-stream | test_errors.py, test_broken_streams.py |
| events that arrive together make an HTTP chunk each | test_http.py |
| a text of 300 kB in one event, a line of any length | test_streams.py: a_very_long_event |
| HEAD, GET / and /api/version, 404 and 405 in Go's words | test_http.py |
| tags, show and ps in full, their digests, sizes, times | test_models.py |
| `parameters` is text without a last newline | test_models.py |
| any spelling of a name is the model, and is echoed | test_names.py |
| vectors have no NaN; all inputs, in order | test_embeddings.py |
| origins that may ask, the preflight, the Host | test_guard.py |
| keep_alive: what is no duration | test_keep_alive.py |
"""

import base64
import datetime
import json
import re
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support import plays, strict, words
from tests.support.raw_http import Reply, get, post
from tests.support.theatre import EMBEDDER, MODELS, TINY, Theatre, theatre

HI = [{"role": "user", "content": "hi"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
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


@GENERATION
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"think": True},
        {"think": "high"},
        {"think": False},
        {"format": "json"},
        {"logprobs": True, "top_logprobs": 2},
        {"options": {"num_predict": 3}},
    ],
    ids=str,
)
async def test_a_stream(house, path, fields):
    """Nothing but JSON lines, one to an HTTP chunk, integers, no nulls, times with a zone, both
    counts and four durations at the end, the role in every message."""
    lines = strict.check_stream(await ask(house, path, **fields))
    final = lines[-1].get("message", {"content": lines[-1].get("response")})
    assert final["content"] == ""


@GENERATION
@pytest.mark.parametrize("think", [True, False])
async def test_one_object(house, path, think):
    """The same, whole."""
    reply = await ask(house, path, stream=False, think=think)
    assert reply.headers["content-type"].startswith("application/json")
    assert int(reply.headers["content-length"]) == len(reply.body)
    strict.check_line(reply.json)


async def test_separators(house):
    """httpx cuts lines at U+2028, U+2029 and U+0085."""
    house.chat.play = plays.stream(words.answer("a\u2028b", "c\u2029d\u0085e"))
    text = "".join(line["message"]["content"] for line in strict.check_stream(await ask(house)))
    assert text == "a\u2028bc\u2029d\u0085e"
    whole = await ask(house, stream=False)
    assert not any(separator in whole.body for separator in strict.SEPARATORS)


async def test_separators_in_thinking_and_arguments(house):
    """The same where text is not content."""
    events = words.answer("x")
    house.chat.play = plays.stream([events[0], words.reasoning("a\u2028b"), *events[1:]])
    lines = strict.check_stream(await ask(house, think=True))
    assert lines[0]["message"]["thinking"] == "a\u2028b"
    call = [words.call_begun(0, "x", "get_weather"), words.call_piece(0, '{"city":"a\u2029b"}')]
    house.chat.play = plays.stream([events[0], *call, words.finish("tool_calls"), *events[-2:]])
    lines = strict.check_stream(await ask(house, tools=[WEATHER]))
    [made] = [c for line in lines for c in line["message"].get("tool_calls", ())]
    assert made["function"]["arguments"] == {"city": "a\u2029b"}


@pytest.mark.parametrize("play", ["MIDERR", "DIE"])
@GENERATION
async def test_a_stream_that_broke(house, path, play):
    """Five clients of ten take a clean end for an answer; nine raise on an error line."""
    reply = await ask(house, path, prompt=play, messages=[{"role": "user", "content": play}])
    assert list(reply.lines[-1]) == ["error"]
    assert isinstance(reply.lines[-1]["error"], str)
    assert not any(line.get("done") for line in reply.lines)


async def test_calls(house):
    """Arguments are an object, whole, in one line; the reason is stop; content is there."""
    lines = strict.check_stream(
        await ask(
            house,
            messages=[{"role": "user", "content": "Weather in Paris?"}],
            tools=[WEATHER],
        )
    )
    calls = [call for line in lines for call in line["message"].get("tool_calls", ())]
    assert [call["function"]["arguments"] for call in calls] == [{"city": "Paris"}]
    assert all("content" in line["message"] for line in lines)
    assert lines[-1]["done_reason"] == "stop"


async def test_thinking_is_by_itself(house):
    """Neither in content nor under another name."""
    whole = (await ask(house, model="gpt-oss:20b", stream=False)).json["message"]
    assert list(whole) == ["role", "content", "thinking"]
    assert (whole["content"], whole["thinking"]) == ("Hello <b>", "hmm ok")
    off = (await ask(house, model="gpt-oss:20b", stream=False, think=False)).json["message"]
    assert list(off) == ["role", "content"]


async def test_context(house):
    """Generate ends with a list of integers."""
    context = (await ask(house, "/api/generate", stream=False)).json["context"]
    assert context
    assert {type(token) for token in context} == {int}


async def test_vectors(house):
    """One for each input, the count, integers."""
    reply = await post(house.url, "/api/embed", {"model": EMBEDDER, "input": ["a", "b"]})
    assert list(reply.json)[:2] == ["model", "embeddings"]
    assert len(reply.json["embeddings"]) == 2
    assert reply.json["prompt_eval_count"] == 8
    strict.check_values(reply.json)
    older = await post(house.url, "/api/embeddings", {"model": EMBEDDER, "prompt": "a"})
    assert list(older.json) == ["embedding"]


async def test_unknown_models(house):
    """404 and a text, for Haystack's embedder too; llama-index shows first."""
    asked = {"model": "nope", "messages": HI, "prompt": "hi", "input": "a"}
    for path in ("chat", "generate", "embed", "embeddings", "show"):
        reply = await post(house.url, f"/api/{path}", asked)
        assert reply.status == 404
        assert list(reply.json) == ["error"]
        assert "nope" in reply.json["error"]


async def test_the_version(house):
    """int() of every dotted part, and at least 0.6.4."""
    version = (await get(house.url, "/api/version")).json["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert tuple(map(int, version.split("."))) >= (0, 6, 4)


async def test_tags(house):
    """What Go, serde, Swift and Roo require of an entry."""
    listed = (await get(house.url, "/api/tags")).json["models"]
    strict.check_values(listed)
    assert len(listed) >= 5
    for entry in listed:
        assert entry["name"] == entry["model"]
        assert re.fullmatch(r"[0-9a-f]{64}", entry["digest"])
        assert type(entry["size"]) is int
        for key in ("format", "family", "parameter_size", "quantization_level"):
            assert entry["details"][key]
        assert entry["capabilities"]


async def test_show(house):
    """What Copilot, Continue, llama-index and Roo read."""
    shown = (await post(house.url, "/api/show", {"model": "llama3.1"})).json
    strict.check_values(shown)
    architecture = shown["model_info"]["general.architecture"]
    assert shown["model_info"][f"{architecture}.context_length"] == 4096
    assert {"completion", "tools", "vision", "insert"} == set(shown["capabilities"])
    for key in ("modelfile", "template"):
        assert isinstance(shown[key], str)
    assert not shown.get("parameters", "").endswith("\n")


async def test_ps(house):
    """What Open WebUI and Go read."""
    await ask(house)
    [running] = [
        model
        for model in (await get(house.url, "/api/ps")).json["models"]
        if model["name"] == "tiny:latest"
    ]
    strict.check_values(running)
    assert running["model"] == "tiny:latest"
    assert datetime.datetime.fromisoformat(running["expires_at"]).tzinfo
    assert running["context_length"] == 4096
    assert type(running["size_vram"]) is int


async def test_v1_names_are_the_same(house):
    """OPEA's health check is a completion of 4 tokens; names are those of /api."""
    body = {"model": "llama3.1", "prompt": "hi", "max_tokens": 4}
    reply = await post(house.url, "/v1/completions", body)
    assert (reply.status, reply.json["model"]) == (200, "llama3.1")
    assert house.chat.bodies[-1]["model"] == "tiny-chat"
    listed = (await get(house.url, "/v1/models")).json["data"]
    tags = (await get(house.url, "/api/tags")).json["models"]
    assert {model["id"] for model in listed} == {model["name"] for model in tags}


async def test_a_v1_error(house):
    """{"error": {message, type, param, code}}."""
    reply = await post(house.url, "/v1/chat/completions", {"model": "nope", "messages": HI})
    assert reply.status == 404
    assert list(reply.json["error"]) == ["message", "type", "param", "code"]
    assert reply.json["error"]["message"] == "model 'nope' not found"


async def test_v1_vectors_in_base64(house):
    """openai-js and pydantic-ai ask for it without being told to."""
    body = {"model": EMBEDDER, "input": "a", "encoding_format": "base64"}
    [row] = (await post(house.url, "/v1/embeddings", body)).json["data"]
    packed = base64.b64decode(row["embedding"])
    assert struct.unpack("<4f", packed) == pytest.approx((0.6, 0.8, 0, 0))


async def test_v1_usage(house):
    """The usage comes when it is asked for, and only then."""
    body = {"model": "llama3.1", "messages": HI, "stream": True}
    without = await post(house.url, "/v1/chat/completions", body)
    assert b'"usage":{' not in without.body
    asked = body | {"stream_options": {"include_usage": True}}
    reply = await post(house.url, "/v1/chat/completions", asked)
    last = json.loads(reply.body.split(b"\n\n")[-3].removeprefix(b"data: "))
    assert (last["choices"], last["usage"]["completion_tokens"]) == ([], 3)
    assert reply.body.endswith(b"data: [DONE]\n\n")
