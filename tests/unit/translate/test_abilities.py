from __future__ import annotations

import pytest

from adapter.errors import BadRequest
from adapter.translate.abilities import check_chat, check_generate, check_logprobs
from adapter.wire.ollama import ChatRequest, GenerateRequest

FULL = "registry.ollama.ai/library/nat:latest"
COMPLETION = frozenset({"completion"})
EMBEDDING = frozenset({"embedding"})
EVERYTHING = frozenset({"completion", "tools", "thinking", "vision", "insert"})
TOOL = {"type": "function", "function": {"name": "f"}}
CALL = {"function": {"name": "f", "arguments": {}}}
NOT_YET = '"{}" is not supported by this version of the adapter'

CHAT_REFUSALS = [
    ({"think": True}, COMPLETION, '"NAT" does not support thinking'),
    ({"think": "high"}, COMPLETION, '"NAT" does not support thinking'),
    ({"think": True}, EMBEDDING, '"NAT" does not support thinking'),
    ({}, EMBEDDING, '"NAT" does not support chat'),
    ({"tools": [TOOL]}, EMBEDDING, '"NAT" does not support chat'),
    ({"tools": [TOOL]}, COMPLETION, f"{FULL} does not support tools"),
    (
        {"messages": [{"role": "assistant", "tool_calls": [CALL]}]},
        COMPLETION,
        f"{FULL} does not support tools",
    ),
    (
        {"messages": [{"role": "user", "content": "x", "images": ["QQ=="]}]},
        COMPLETION,
        '"NAT" does not support images',
    ),
    ({"format": "json"}, EVERYTHING, NOT_YET.format("format")),
    ({"format": {"type": "object"}}, EVERYTHING, NOT_YET.format("format")),
    ({"logprobs": True}, EVERYTHING, NOT_YET.format("logprobs")),
]

GENERATE_REFUSALS = [
    ({"think": True}, COMPLETION, '"NAT" does not support thinking'),
    ({}, EMBEDDING, '"NAT" does not support generate'),
    ({"suffix": "x"}, COMPLETION, f"{FULL} does not support insert"),
    ({"images": ["QQ=="]}, COMPLETION, '"NAT" does not support images'),
    (
        {"raw": True, "system": "x"},
        EMBEDDING,
        "raw mode does not support template, system, or context",
    ),
    (
        {"raw": True, "template": "x"},
        EVERYTHING,
        "raw mode does not support template, system, or context",
    ),
    (
        {"raw": True, "context": [1]},
        EVERYTHING,
        "raw mode does not support template, system, or context",
    ),
    ({"raw": True}, EVERYTHING, NOT_YET.format("raw")),
    ({"template": "x"}, EVERYTHING, NOT_YET.format("template")),
    ({"context": [1]}, EVERYTHING, NOT_YET.format("context")),
    ({"format": "json"}, EVERYTHING, NOT_YET.format("format")),
    ({"logprobs": True}, EVERYTHING, NOT_YET.format("logprobs")),
]


@pytest.mark.parametrize(("fields", "can", "text"), CHAT_REFUSALS)
def test_what_a_chat_is_refused_for(fields, can, text):
    request = ChatRequest.model_validate({"model": "NAT", **fields})
    with pytest.raises(BadRequest) as refused:
        check_chat(request, can, FULL)
    assert (refused.value.status, refused.value.message) == (400, text)


@pytest.mark.parametrize(("fields", "can", "text"), GENERATE_REFUSALS)
def test_what_a_prompt_is_refused_for(fields, can, text):
    request = GenerateRequest.model_validate({"model": "NAT", **fields})
    with pytest.raises(BadRequest) as refused:
        check_generate(request, can, FULL)
    assert (refused.value.status, refused.value.message) == (400, text)


EMPTY = {
    "think": [None, False],
    "tools": [None, []],
    "format": [None, ""],
    "logprobs": [None, False],
    "images": [None, []],
    "suffix": [None, ""],
    "template": [None, ""],
    "context": [None, []],
    "raw": [None, False],
    "messages": [None, [], [{"role": "user", "content": "x", "images": [], "tool_calls": []}]],
}


@pytest.mark.parametrize(("key", "value"), [(key, v) for key, vs in EMPTY.items() for v in vs])
def test_nulls_and_empties_ask_for_nothing(key: str, value: object):
    body = {"model": "NAT", key: value}
    check_chat(ChatRequest.model_validate(body), COMPLETION, FULL)
    check_generate(GenerateRequest.model_validate(body), COMPLETION, FULL)


@pytest.mark.parametrize("count", [0, 1, 20, 20.0, None])
def test_top_logprobs_within_its_range(count):
    check_logprobs(ChatRequest.model_validate({"top_logprobs": count}))


@pytest.mark.parametrize("count", [-1, 21, 10**30])
def test_top_logprobs_out_of_its_range(count):
    with pytest.raises(BadRequest) as refused:
        check_logprobs(ChatRequest.model_validate({"top_logprobs": count}))
    assert refused.value.message == "top_logprobs must be between 0 and 20"
