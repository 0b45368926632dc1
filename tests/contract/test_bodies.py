"""What vLLM is asked, for what the client asked."""

import logging

import pytest

from tests.support import plays, words
from tests.support.machine import PROMPTLY

CHAT = {"model": "tiny-chat", "messages": [{"role": "user", "content": "hi"}]}
GENERATE = {"model": "tiny-chat", "prompt": "hi"}
PLAIN = {
    "model": "tiny-chat",
    "messages": [{"role": "user", "content": "hi"}],
    "stream": True,
    "stream_options": {"include_usage": True},
}
PROMPTED = PLAIN | {"return_token_ids": True}
"""/api/generate answers with `context`."""


async def body_for(scripted, adapter, path: str, request: dict) -> dict:
    reply = await adapter.post(path, request)
    assert reply.status == 200, reply.text
    [received] = scripted.seen
    assert received.path == "/v1/chat/completions"
    assert received.headers["Content-Type"].startswith("application/json")
    scripted.seen.clear()
    return received.body


async def sampling_for(scripted, adapter, options: object) -> dict:
    """The fields beyond those of a request without options."""
    body = await body_for(scripted, adapter, "/api/chat", CHAT | {"options": options})
    assert PLAIN.keys() <= body.keys()
    return {key: value for key, value in body.items() if key not in PLAIN}


ROUTES = [("/api/chat", CHAT, PLAIN), ("/api/generate", GENERATE, PROMPTED)]


@pytest.mark.parametrize(("path", "request_", "plain"), ROUTES)
async def test_without_options_the_models_own_defaults_rule(
    scripted, adapter, path, request_, plain
):
    assert await body_for(scripted, adapter, path, request_) == plain


@pytest.mark.parametrize(("path", "request_", "plain"), ROUTES)
async def test_one_object_is_streamed_by_the_engine_too(scripted, adapter, path, request_, plain):
    """So that timings are true and a client that leaves frees the slot."""
    body = await body_for(scripted, adapter, path, request_ | {"stream": False})
    assert plain.items() <= body.items()
    assert body.keys() - plain.keys() <= {"stream_interval"}


MAPPING = [
    ({"num_predict": 5}, {"max_tokens": 5}),
    ({"num_predict": 5.0}, {"max_tokens": 5}),
    ({"num_predict": 5.9}, {"max_tokens": 5}),
    ({"num_predict": 100_000}, {"max_tokens": 4096}),
    ({"num_predict": 0}, {}),
    ({"num_predict": -1}, {}),
    ({"num_predict": -2}, {}),
    ({"temperature": 0}, {"temperature": 0}),
    ({"temperature": 0.5}, {"temperature": 0.5}),
    ({"temperature": 3}, {"temperature": 2}),
    ({"temperature": -1}, {"temperature": 0}),
    ({"top_k": 40}, {"top_k": 40}),
    ({"top_k": 40.5}, {"top_k": 40}),
    ({"top_k": 0}, {"top_k": 0}),
    ({"top_p": 0.9}, {"top_p": 0.9}),
    ({"top_p": 7}, {"top_p": 1}),
    ({"min_p": 0.05}, {"min_p": 0.05}),
    ({"min_p": 2}, {"min_p": 1}),
    ({"repeat_penalty": 1.1}, {"repetition_penalty": 1.1}),
    ({"repeat_penalty": 1.1, "repeat_last_n": 0}, {"repetition_penalty": 1.0}),
    ({"repeat_penalty": 1.1, "repeat_last_n": 64}, {"repetition_penalty": 1.1}),
    ({"repeat_penalty": 0}, {}),
    ({"presence_penalty": 5}, {"presence_penalty": 2}),
    ({"frequency_penalty": -5}, {"frequency_penalty": -2}),
    ({"seed": 42}, {"seed": 42}),
    ({"seed": -1}, {}),
    ({"seed": 2**63 - 1}, {"seed": 2**63 - 1}),
    ({"stop": ["a", "b"]}, {"stop": ["a", "b"]}),
    ({"stop": ["", "a", ""]}, {"stop": ["a"]}),
    ({"stop": []}, {}),
    ({"typical_p": 0.7, "num_keep": 4, "num_ctx": 512, "num_gpu": 1, "use_mmap": True}, {}),
    ({"mirostat": 1, "mirostat_tau": 5.0, "tfs_z": 1, "numCtx": 3, "useMLock": True}, {}),
    ({"temperature": None, "stop": None, "num_predict": None}, {}),
    (None, {}),
    ({}, {}),
]


@pytest.mark.parametrize(("options", "expected"), MAPPING, ids=lambda value: str(value)[:60])
async def test_options_become_sampling_fields(scripted, adapter, options, expected):
    assert await sampling_for(scripted, adapter, options) == expected


async def test_top_p_zero_is_sent_as_something_vllm_takes(scripted, adapter):
    found = await sampling_for(scripted, adapter, {"top_p": 0})
    assert found == {} or 0 < found["top_p"] < 0.001


async def test_an_integer_is_sent_as_an_integer(scripted, adapter):
    """vLLM refuses 40.5 for top_k, and a client's 40.0 is no reason to try."""
    found = await sampling_for(scripted, adapter, {"top_k": 40.0, "seed": 7.0})
    assert {key: type(value) for key, value in found.items()} == {"top_k": int, "seed": int}


async def test_both_routes_map_alike(scripted, adapter):
    options = {"temperature": 0.1, "num_predict": 9, "stop": ["x"], "seed": 3}
    chat = await body_for(scripted, adapter, "/api/chat", CHAT | {"options": options})
    generate = await body_for(scripted, adapter, "/api/generate", GENERATE | {"options": options})
    assert chat | {"return_token_ids": True} == generate


async def test_no_more_stop_strings_than_vllm_takes(scripted, adapter):
    """Four, unless its operator raised it: a fifth would be a 400."""
    stops = [f"stop{number}" for number in range(10)]
    found = await sampling_for(scripted, adapter, {"stop": stops})
    assert found["stop"] == stops[: len(found["stop"])]
    assert len(found["stop"]) <= 4


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        (["one ", "two END three"], "one two "),
        (["one E", "ND two"], "one "),
        (["one ", "E", "N", "D"], "one "),
        (["one E", "N", "o end"], "one ENo end"),
        (["one EN"], "one EN"),
        (["END"], ""),
        (["EEND", "ED"], "E"),
    ],
)
async def test_surplus_stop_strings_end_the_answer(scripted, adapter, pieces, shown, stream):
    scripted.play = plays.stream(words.answer(*pieces))
    options = {"stop": ["a1", "a2", "a3", "a4", "END"]}
    reply = await adapter.post("/api/chat", CHAT | {"options": options, "stream": stream})
    lines = reply.lines if stream else [reply.json]
    assert "".join(line["message"]["content"] for line in lines) == shown
    assert lines[-1]["done_reason"] == "stop"


async def test_what_follows_a_surplus_stop_string_is_not_waited_for(scripted, adapter):
    """The slot is freed, and the tokens that were made are counted."""
    counted = [
        words.with_usage(event, 7, number)
        for number, event in enumerate([words.role(), words.text("one "), words.text("END")])
    ]

    async def play(stage):
        await stage.head(200, {"content-type": "text/event-stream; charset=utf-8"})
        for event in counted:
            await stage.write(event)
        await stage.hang()

    scripted.play = play
    options = {"stop": ["a1", "a2", "a3", "a4", "END"]}
    last = (await adapter.post("/api/chat", CHAT | {"options": options}, within=2)).lines[-1]
    assert (last["done_reason"], last["prompt_eval_count"], last["eval_count"]) == ("stop", 7, 2)
    assert scripted.bodies[0]["stream_options"]["continuous_usage_stats"] is True
    await scripted.until(lambda: scripted.gone == 1, within=PROMPTLY)


async def test_turns_are_sent_as_they_are(scripted, adapter):
    turns = [
        {"role": "System", "content": "be brief"},
        {"role": "user", "content": "häi\u2028"},
        {"role": "ASSISTANT", "content": "yes", "thinking": "hm"},
        {"role": "user", "content": None},
        {"role": "user", "content": "", "images": [], "tool_calls": None},
    ]
    body = await body_for(scripted, adapter, "/api/chat", CHAT | {"messages": turns})
    assert body["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "häi\u2028"},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": ""},
        {"role": "user", "content": ""},
    ]


async def test_a_system_text_stands_before_the_prompt(scripted, adapter):
    body = await body_for(scripted, adapter, "/api/generate", GENERATE | {"system": "be brief"})
    assert body["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "hi"},
    ]


async def test_what_clients_send_along_is_no_reason_to_refuse(scripted, adapter):
    """Seen from ollama-python, LangChain, LlamaIndex, litellm, Go and others."""
    along = {
        "tools": [],
        "format": "",
        "images": [],
        "options": None,
        "keep_alive": -1.0,
        "think": False,
        "truncate": True,
        "shift": None,
        "logprobs": None,
        "top_logprobs": None,
        "suffix": "",
        "template": "",
        "context": None,
        "raw": None,
        "name": "",
        "unknown_key": {"x": 1},
    }
    assert await body_for(scripted, adapter, "/api/chat", along | CHAT) == PLAIN
    assert await body_for(scripted, adapter, "/api/generate", along | GENERATE) == PROMPTED


async def test_a_window_larger_than_the_models_is_mentioned_once(scripted, adapter, caplog):
    with caplog.at_level(logging.INFO, logger="adapter"):
        for num_ctx in (4096, 200_000, 300_000):
            body = {"model": "tiny-chat", "prompt": "hi", "options": {"num_ctx": num_ctx}}
            assert (await adapter.post("/api/generate", body)).status == 200
    said = [record.getMessage() for record in caplog.records if "num_ctx" in record.getMessage()]
    assert said == ["model=tiny-chat:latest: num_ctx 200000 was asked for, its window is 4096"]
    assert all("num_ctx" not in body for body in scripted.bodies)
