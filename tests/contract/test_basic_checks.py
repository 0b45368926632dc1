"""What vLLM is asked, for checks of tests/support/basic_checks.py that an answer doesn't show."""

from __future__ import annotations

import pytest

from tests.contract.conftest import NAMES, House
from tests.support.plays import stream
from tests.support.raw_http import Reply
from tests.support.words import answer

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5Er"
    "kJggg=="
)
GIF = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
HI = [{"role": "user", "content": "hi"}]


async def ask(house: House, path: str, **fields: object) -> Reply:
    body = {"model": NAMES["plain"], "stream": False, **fields}
    reply = await house.adapter.post(path, body)
    assert reply.status == 200, reply.text
    return reply


@pytest.mark.parametrize(("image", "kind"), [(PNG, "image/png"), (GIF, "image/gif")])
async def test_an_image_is_sent_as_what_it_is(house: House, image: str, kind: str):
    turns = [{"role": "user", "content": "what?", "images": [image]}]
    await ask(house, "/api/chat", messages=turns)
    [message] = house.chat.bodies[-1]["messages"]
    [url] = [part["image_url"]["url"] for part in message["content"] if "image_url" in part]
    assert url == f"data:{kind};base64,{image}"


async def test_format_json_reaches_the_engine(house: House):
    await ask(house, "/api/chat", messages=HI, format="json")
    assert house.chat.bodies[-1]["response_format"] == {"type": "json_object"}


async def test_a_schema_reaches_the_engine_in_its_wrapping(house: House):
    await ask(house, "/api/chat", messages=HI, format=SCHEMA)
    wanted = house.chat.bodies[-1]["response_format"]
    assert wanted["type"] == "json_schema"
    assert wanted["json_schema"]["schema"] == SCHEMA
    assert wanted["json_schema"]["name"]


async def test_results_find_the_calls_they_belong_to_by_their_order(house: House):
    calls = [{"function": {"name": "f", "arguments": {"n": n}}} for n in (1, 2)]
    turns = [
        {"role": "user", "content": "both"},
        {"role": "assistant", "tool_calls": calls},
        {"role": "tool", "content": "one"},
        {"role": "tool", "content": "two"},
    ]
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    await ask(house, "/api/chat", model=NAMES["model"], messages=turns, tools=[tool])
    _, call, *results = house.chat.bodies[-1]["messages"]
    ids = [one["id"] for one in call["tool_calls"]]
    assert len(set(ids)) == 2
    assert [result["tool_call_id"] for result in results] == ids
    assert [one["function"]["arguments"] for one in call["tool_calls"]] == ['{"n":1}', '{"n":2}']


async def test_raw_goes_to_completions_as_it_is(house: House):
    await ask(house, "/api/generate", prompt="[INST] hi", raw=True)
    received = house.chat.seen[-1]
    assert received.path == "/v1/completions"
    assert received.body["prompt"] == "[INST] hi"


async def test_a_suffix_is_asked_for_with_the_models_own_marks(house: House):
    fields = {"model": NAMES["insert"], "prompt": "def add(", "suffix": "return c"}
    await ask(house, "/api/generate", **fields)
    received = house.chat.seen[-1]
    assert received.path == "/v1/completions"
    assert received.body["prompt"] == "<PRE> def add( <SUF>return c <MID>"


async def test_context_is_the_engines_own_token_ids_and_comes_back(house: House):
    first = await ask(house, "/api/generate", prompt="hi")
    context = first.json["context"]
    assert context
    await ask(house, "/api/generate", prompt="and?", context=context)
    prompt = house.chat.bodies[-1]["prompt"]
    assert prompt[: len(context)] == context


async def test_a_token_that_repeats_ends_no_stream(scripted, adapter):
    scripted.play = stream(answer(*["again "] * 100, counts=(7, 101)))
    reply = await adapter.post("/api/chat", {"model": "tiny-chat", "messages": HI})
    assert [line["message"]["content"] for line in reply.lines] == [*["again "] * 100, ""]
    assert reply.lines[-1]["done"] is True
