"""Thinking, tools, formats, logprobs, context, raw, begun answers, truncation: on a real engine."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.support.engine import CHAT_FLAGS, Engine
from tests.support.raw_http import Reply, post
from tests.support.serve import Adapter, serving

MODEL = "tiny-qwen3"
FLAGS = [
    *CHAT_FLAGS,
    *("--reasoning-parser", "qwen3", "--structured-outputs-config"),
    # Or a model of random weights fills its JSON with blanks.
    '{"backend":"xgrammar","disable_any_whitespace":true}',
]
WINDOW = 4096
HI = [{"role": "user", "content": "hello there"}]
GREEDY = {"temperature": 0, "num_predict": 12}
PATIENCE = 60


@pytest.fixture(scope="module")
def thinker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A real vLLM with a model that thinks and calls tools."""
    running = Engine(MODEL, FLAGS, tmp_path_factory.mktemp("engine") / "thinker.log")
    running.start()
    yield running
    running.stop()


@pytest.fixture
async def adapter(thinker: Engine) -> AsyncIterator[Adapter]:
    async with serving(thinker.url) as running:
        await running.until_ready(within=30)
        yield running


async def abilities(adapter: Adapter) -> list[str]:
    [listed] = (await adapter.get("/api/tags")).json["models"]
    return listed["capabilities"]


async def chat(adapter: Adapter, **fields: Any) -> Reply:
    body = {"model": MODEL, "messages": HI, "stream": False, "options": GREEDY}
    return await adapter.post("/api/chat", body | fields, within=PATIENCE)


async def generate(adapter: Adapter, **fields: Any) -> Reply:
    body = {"model": MODEL, "prompt": "hello there", "stream": False, "options": GREEDY}
    return await adapter.post("/api/generate", body | fields, within=PATIENCE)


async def direct(engine: Engine, path: str, **fields: Any) -> dict[str, Any]:
    """What vLLM itself answers."""
    reply = await post(engine.url, path, {"model": MODEL} | fields, within=PATIENCE)
    assert reply.status == 200, reply.text
    return reply.json


def folded(reply: Reply) -> dict[str, Any]:
    """The last object, with the texts and logprobs of all."""
    assert reply.status == 200, reply.text
    if not reply.headers["content-type"].startswith("application/x-ndjson"):
        return reply.json
    lines = reply.lines
    last = dict(lines[-1])
    last["message"] = dict(last["message"])
    for key in ("content", "thinking"):
        if text := "".join(line["message"].get(key, "") for line in lines):
            last["message"][key] = text
    if rows := [row for line in lines for row in line.get("logprobs", ())]:
        last["logprobs"] = rows
    return last


async def test_what_the_model_can_do_is_found_out(adapter):
    assert await abilities(adapter) == ["completion", "tools", "thinking"]


# --- thinking -------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("think", [None, True, "high", "low"])
async def test_it_thinks(thinker, adapter, think, stream: bool):
    effort = {"reasoning_effort": think} if isinstance(think, str) else {}
    switch = {"enable_thinking": True}
    expected = await direct(
        thinker,
        "/v1/chat/completions",
        messages=HI,
        temperature=0,
        max_tokens=12,
        chat_template_kwargs=switch,
        **effort,
    )
    thought = expected["choices"][0]["message"]["reasoning"]
    assert thought
    fields = {} if think is None else {"think": think}
    found = folded(await chat(adapter, stream=stream, **fields))
    assert found["message"] == {"role": "assistant", "content": "", "thinking": thought}
    assert found["prompt_eval_count"] == expected["usage"]["prompt_tokens"]
    assert found["eval_count"] == 12


@pytest.mark.parametrize("stream", [True, False])
async def test_it_does_not_think(thinker, adapter, stream: bool):
    expected = await direct(
        thinker,
        "/v1/chat/completions",
        messages=HI,
        temperature=0,
        max_tokens=12,
        chat_template_kwargs={"enable_thinking": False},
    )
    found = folded(await chat(adapter, think=False, stream=stream))
    text = expected["choices"][0]["message"]["content"]
    assert found["message"] == {"role": "assistant", "content": text}
    assert text


async def test_generate_thinks_too(adapter):
    thinking = (await generate(adapter)).json
    assert thinking["thinking"]
    assert thinking["response"] == ""
    plain = (await generate(adapter, think=False)).json
    assert "thinking" not in plain
    assert plain["response"]


# --- tools ----------------------------------------------------------------------------------


def tool(name: str, **properties: list[object]) -> dict[str, Any]:
    """A tool whose arguments can only be some values, so that random weights get them right."""
    schema = {
        "type": "object",
        "properties": {key: {"enum": values} for key, values in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }
    function = {"name": name, "description": name, "strict": True, "parameters": schema}
    return {"type": "function", "function": function}


CALLING = {
    "tools": [tool("get_weather", city=["Paris", "Oslo"])],
    "tool_choice": "required",
    "think": False,
    "options": {"num_predict": 600, "temperature": 1, "seed": 1},
}


@pytest.mark.parametrize("stream", [True, False])
async def test_a_forced_call(adapter, stream: bool):
    found = folded(await chat(adapter, **CALLING, stream=stream))
    calls = found["message"]["tool_calls"]
    assert calls
    for index, call in enumerate(calls):
        assert list(call) == ["id", "function"]
        assert call["id"]
        assert (call["function"]["index"], call["function"]["name"]) == (index, "get_weather")
        assert call["function"]["arguments"] in ({"city": "Paris"}, {"city": "Oslo"})
    assert found["done_reason"] == "stop"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("tokens", [25, 30, 36])
async def test_a_call_that_was_cut_is_an_error(adapter, tokens: int, stream: bool):
    options = CALLING["options"] | {"num_predict": tokens}
    reply = await chat(adapter, **CALLING | {"options": options}, stream=stream)
    assert reply.status == 500, reply.text
    assert "they were cut off at the length limit" in reply.json["error"]


async def test_the_result_of_a_call_is_understood(adapter):
    function = {"name": "get_weather", "arguments": {"city": "Oslo"}}
    turns = [
        *HI,
        {"role": "assistant", "content": "", "tool_calls": [{"function": function}]},
        {"role": "tool", "content": "snow", "tool_name": "get_weather"},
    ]
    counts = []
    for number in (1, 2, 3):
        reply = await chat(adapter, messages=turns[:number], tools=CALLING["tools"])
        assert reply.status == 200, reply.text
        counts.append(reply.json["prompt_eval_count"])
    assert counts == sorted(set(counts))


# --- formats --------------------------------------------------------------------------------

SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}, "n": {"type": "integer", "enum": [1, 2, 3]}},
    "required": ["ok", "n"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("stream", [True, False])
async def test_a_schema_is_kept_to(adapter, stream: bool):
    options = {"temperature": 1, "seed": 1, "num_predict": 60}
    fields = {"format": SCHEMA, "think": False, "options": options}
    found = folded(await chat(adapter, **fields, stream=stream))
    value = json.loads(found["message"]["content"])
    assert list(value) == ["ok", "n"]
    assert type(value["ok"]) is bool
    assert value["n"] in (1, 2, 3)
    assert found["done_reason"] == "stop"


async def test_a_schema_that_the_engine_does_not_know(adapter):
    reply = await chat(adapter, format={"type": "nonsense"}, think=False)
    assert reply.status == 400, reply.text
    assert list(reply.json) == ["error"]


# --- logprobs -------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("think", [True, False])
@pytest.mark.parametrize("top", [0, 2])
async def test_a_row_for_every_token(adapter, stream: bool, think: bool, top: int):
    fields = {"logprobs": True, "top_logprobs": top, "think": think, "stream": stream}
    found = folded(await chat(adapter, **fields))
    rows = found["logprobs"]
    assert len(rows) == found["eval_count"] == 12
    for row in rows:
        assert row["logprob"] <= 0
        assert all(0 <= octet < 256 for octet in row["bytes"])
        assert len(row.get("top_logprobs", ())) == top
        assert ("top_logprobs" in row) is (top > 0)


@pytest.mark.parametrize("top", [0, 3])
async def test_a_row_for_every_token_of_a_completion(adapter, top: int):
    reply = await generate(adapter, raw=True, logprobs=True, top_logprobs=top)
    assert reply.status == 200, reply.text
    rows = reply.json["logprobs"]
    assert len(rows) == reply.json["eval_count"] == 12
    for row in rows:
        found = [other["logprob"] for other in row.get("top_logprobs", ())]
        assert len(found) == top
        assert found == sorted(found, reverse=True)


# --- raw, template, begun answers -----------------------------------------------------------


@pytest.mark.parametrize("options", [{"temperature": 0}, {"temperature": 1, "seed": 7}])
async def test_raw_is_what_vllm_completes(thinker, adapter, options):
    expected = await direct(
        thinker, "/v1/completions", prompt="hello there", max_tokens=24, **options
    )
    reply = await generate(adapter, raw=True, options=options | {"num_predict": 24})
    assert reply.json["response"] == expected["choices"][0]["text"]
    assert reply.json["prompt_eval_count"] == expected["usage"]["prompt_tokens"]
    assert "context" not in reply.json


async def test_a_template_is_applied_here(thinker, adapter):
    expected = await direct(
        thinker, "/v1/completions", prompt="<be kind|hello there>", temperature=0, max_tokens=12
    )
    reply = await generate(adapter, template="<{{ .System }}|{{ .Prompt }}>", system="be kind")
    assert reply.json["response"] == expected["choices"][0]["text"]


async def test_a_begun_answer_is_gone_on_with(thinker, adapter):
    turns = [*HI, {"role": "assistant", "content": "The time is"}]
    begun = {
        "messages": turns,
        "add_generation_prompt": False,
        "continue_final_message": True,
        "chat_template_kwargs": {"enable_thinking": False},
    }
    expected = await direct(thinker, "/v1/chat/completions", **begun, temperature=0, max_tokens=12)
    counted = await direct(thinker, "/tokenize", **begun)
    found = (await chat(adapter, messages=turns)).json
    assert found["message"]["content"] == expected["choices"][0]["message"]["content"]
    assert found["prompt_eval_count"] == counted["count"]


# --- context --------------------------------------------------------------------------------


async def test_a_context_is_gone_on_with(thinker, adapter):
    first = (await generate(adapter, think=False)).json
    context = first["context"]
    assert len(context) == first["prompt_eval_count"] + first["eval_count"]
    second = (await generate(adapter, prompt="and now?", context=context)).json
    assert second["context"][: len(context)] == context
    assert len(second["context"]) == second["prompt_eval_count"] + second["eval_count"]
    turn = second["context"][len(context) : second["prompt_eval_count"]]
    text = (await direct(thinker, "/detokenize", tokens=turn))["prompt"]
    assert "and now?" in text
    assert text.startswith("<|im_end|>")
    third = (await generate(adapter, prompt="so?", context=second["context"])).json
    assert third["context"][: len(second["context"])] == second["context"]


async def test_a_context_is_the_conversation_as_the_template_has_it(thinker, adapter):
    """An answer whose tokens are those of its text: `ok`, begun by the client."""
    turns = [*HI, {"role": "assistant", "content": "ok"}]
    switch = {"chat_template_kwargs": {"enable_thinking": False}}
    ended = {"add_generation_prompt": False, "continue_final_message": True}
    context = (await direct(thinker, "/tokenize", messages=turns, **ended, **switch))["tokens"]
    turns.append({"role": "user", "content": "and now?"})
    whole = (await direct(thinker, "/tokenize", messages=turns, **switch))["tokens"]
    found = (await generate(adapter, prompt="and now?", context=context)).json
    assert found["context"][: found["prompt_eval_count"]] == whole


# --- truncation -----------------------------------------------------------------------------


async def test_the_oldest_turns_go_by_true_counts(thinker, adapter):
    turns = [{"role": "system", "content": "You are brief."}]
    for number in range(40):
        role = "assistant" if number % 2 else "user"
        turns.append({"role": role, "content": f"turn {number} " + "hello there " * 60})
    turns.append({"role": "user", "content": "and now?"})
    reply = await chat(adapter, messages=turns)
    assert reply.status == 200, reply.text
    dropped = int(reply.headers["x-adapter-truncated"])
    assert 0 < dropped < 40
    kept = [turns[0], *turns[1 + dropped :]]
    switch = {"chat_template_kwargs": {"enable_thinking": True}}
    counted = (await direct(thinker, "/tokenize", messages=kept, **switch))["count"]
    assert reply.json["prompt_eval_count"] == counted < WINDOW - 12
    more = [turns[0], *turns[dropped:]]
    assert (await direct(thinker, "/tokenize", messages=more, **switch))["count"] > WINDOW - 512
    refused = await chat(adapter, messages=turns, truncate=False)
    assert refused.status == 400
    assert "longer than the context length" in refused.json["error"]


async def test_the_middle_of_a_prompt_goes_by_true_counts(adapter):
    prompt = "hello there " * 3000
    for fields in ({}, {"raw": True}):
        reply = await generate(adapter, prompt=prompt, **fields)
        assert reply.status == 200, reply.text
        assert reply.headers["x-adapter-truncated"].endswith(" tokens")
        assert WINDOW // 2 - 50 < reply.json["prompt_eval_count"] <= WINDOW // 2 + 50
    refused = await generate(adapter, prompt=prompt, shift=False)
    assert refused.status == 400


# --- images ---------------------------------------------------------------------------------


async def test_a_blind_model_says_so(adapter):
    image = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()
    reply = await generate(adapter, images=[image])
    assert (reply.status, reply.json) == (
        400,
        {"error": "tiny-qwen3 is not a multimodal model"},
    )
