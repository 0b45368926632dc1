"""Text from the real engine: the same as asked of it directly, counts and all."""

import pytest

from tests.support.raw_http import post

TURNS = [
    {"role": "system", "content": "You are brief."},
    {"role": "user", "content": "hello there"},
    {"role": "assistant", "content": "hello"},
    {"role": "user", "content": "what is the time?"},
]
CHAT = {"model": "tiny-chat", "messages": TURNS}
GREEDY = {"temperature": 0, "num_predict": 24}


async def direct(engine, messages: list, **fields) -> dict:
    """What vLLM itself answers."""
    body = {"model": "tiny-chat", "messages": messages, "temperature": 0, "max_tokens": 24}
    reply = await post(engine.url, "/v1/chat/completions", body | fields, within=60)
    assert reply.status == 200, reply.text
    return reply.json


async def text_of(adapter, **options) -> str:
    body = CHAT | {"stream": False, "options": GREEDY | options}
    return (await adapter.post("/api/chat", body)).json["message"]["content"]


def check_counts(last: dict, usage: dict) -> None:
    assert last["prompt_eval_count"] == usage["prompt_tokens"]
    assert last["eval_count"] == usage["completion_tokens"]


def check_durations(last: dict) -> None:
    names = ["total_duration", "load_duration", "prompt_eval_duration", "eval_duration"]
    assert all(type(last[name]) is int and last[name] > 0 for name in names)
    assert last["prompt_eval_duration"] + last["eval_duration"] <= last["total_duration"]


async def test_chat_as_one_object(engine, chatting):
    expected = await direct(engine, TURNS)
    reply = await chatting.post("/api/chat", CHAT | {"stream": False, "options": GREEDY})
    assert reply.status == 200
    assert reply.json["message"]["content"] == expected["choices"][0]["message"]["content"]
    assert reply.json["done_reason"] == "length"
    check_counts(reply.json, expected["usage"])
    check_durations(reply.json)


async def test_chat_streamed(engine, chatting):
    expected = await direct(engine, TURNS)
    reply = await chatting.post("/api/chat", CHAT | {"options": GREEDY})
    *lines, last = reply.lines
    assert len(lines) > 2
    text = "".join(line["message"]["content"] for line in [*lines, last])
    assert text == expected["choices"][0]["message"]["content"]
    assert [line["done"] for line in lines] == [False] * len(lines)
    check_counts(last, expected["usage"])
    check_durations(last)


@pytest.mark.parametrize("stream", [True, False])
async def test_generate(engine, chatting, stream: bool):
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]
    expected = await direct(engine, messages)
    body = {"model": "tiny-chat", "system": "be brief", "prompt": "hello", "options": GREEDY}
    reply = await chatting.post("/api/generate", body | {"stream": stream})
    lines = reply.lines if stream else [reply.json]
    text = "".join(line["response"] for line in lines)
    assert text == expected["choices"][0]["message"]["content"]
    check_counts(lines[-1], expected["usage"])
    check_durations(lines[-1])


async def test_every_turn_counts(engine, chatting):
    counts = []
    for turns in (TURNS[1:2], TURNS[1:], TURNS):
        body = CHAT | {"messages": turns, "stream": False, "options": GREEDY}
        counts.append((await chatting.post("/api/chat", body)).json["prompt_eval_count"])
        assert counts[-1] == (await direct(engine, turns))["usage"]["prompt_tokens"]
    assert counts == sorted(set(counts))


@pytest.mark.parametrize("number", [1, 4, 10])
@pytest.mark.parametrize("stream", [True, False])
async def test_stop_strings(chatting, number: int, stream: bool):
    """The one that hits is the last of them: with ten, the engine is not told of it."""
    whole = await text_of(chatting)
    assert len(whole) > 12
    stop = whole[8:12]
    others = [f"\x01never{i}\x01" for i in range(number - 1)]
    body = CHAT | {"stream": stream, "options": GREEDY | {"stop": [*others, stop]}}
    reply = await chatting.post("/api/chat", body)
    assert reply.status == 200, reply.text
    lines = reply.lines if stream else [reply.json]
    text = "".join(line["message"]["content"] for line in lines)
    assert text == whole[: whole.index(stop)]
    assert lines[-1]["done_reason"] == "stop"
    assert 0 < lines[-1]["eval_count"] < 24


@pytest.mark.parametrize(
    ("num_predict", "count"), [(1, 1), (7, 7), (7.0, 7), (7.9, 7), ("unset", None), (100_000, None)]
)
async def test_num_predict(chatting, num_predict, count):
    whole = await text_of(chatting)
    options: dict = {"temperature": 0}
    if num_predict != "unset":
        options["num_predict"] = num_predict
    if count is None:
        options["stop"] = [whole[8:12]]  # or it would go on to the end of the window
    body = CHAT | {"stream": False, "options": options}
    reply = await chatting.post("/api/chat", body)
    assert reply.status == 200, reply.text
    if count is None:
        assert reply.json["done_reason"] == "stop"
    else:
        assert (reply.json["eval_count"], reply.json["done_reason"]) == (count, "length")
        check_durations(reply.json)


@pytest.mark.parametrize("num_predict", [0, -1, -2])
async def test_no_limit_but_the_window(chatting, num_predict: int):
    whole = await text_of(chatting)
    options = {"temperature": 0, "num_predict": num_predict, "stop": [whole[8:12]]}
    reply = await chatting.post("/api/chat", CHAT | {"stream": False, "options": options})
    assert (reply.status, reply.json["done_reason"]) == (200, "stop")


async def test_a_seed_makes_it_reproducible(chatting):
    once = await text_of(chatting, temperature=1, seed=42)
    assert await text_of(chatting, temperature=1, seed=42) == once
    assert await text_of(chatting, temperature=1, seed=43) != once


async def test_every_option_is_one_that_vllm_takes(chatting):
    for options in (
        {"temperature": 9, "top_k": 40.0, "top_p": 0, "min_p": 0.05, "seed": -1},
        {"temperature": -1, "top_k": -1, "top_p": 9, "min_p": 9, "seed": 2**63 - 1},
        {"repeat_penalty": 1.1, "presence_penalty": 9, "frequency_penalty": -9},
        {"repeat_penalty": 0, "repeat_last_n": 0, "stop": ["", "x" * 1000], "num_ctx": 99},
        {"mirostat": 1, "num_gpu": 1, "typical_p": 0.5, "num_keep": 4, "nonsense": {"a": 1}},
    ):
        body = CHAT | {"stream": False, "options": {"num_predict": 3} | options}
        reply = await chatting.post("/api/chat", body)
        assert reply.status == 200, (options, reply.text)


@pytest.mark.parametrize("stream", [True, False])
async def test_too_long_a_prompt(chatting, stream: bool):
    body = {"model": "tiny-chat", "prompt": "hello there " * 3000, "stream": stream}
    reply = await chatting.post("/api/generate", body | {"shift": False})
    assert reply.status == 400
    assert "longer than the context length" in reply.json["error"]


async def test_the_model_is_described_as_far_as_known(chatting):
    [listed] = (await chatting.get("/api/tags")).json["models"]
    assert listed["name"] == "tiny-chat:latest"
    assert listed["size"] > 100_000
    assert listed["details"]["family"] == "qwen2"
    shown = (await chatting.post("/api/show", {"model": "tiny-chat"})).json
    assert shown["model_info"]["general.architecture"] == "qwen2"
    assert shown["model_info"]["qwen2.context_length"] == 4096
    assert shown["model_info"]["qwen2.embedding_length"] == 128
    assert "completion" in shown["capabilities"]
    assert "embedding" not in shown["capabilities"]
