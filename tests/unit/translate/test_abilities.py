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
EXCLUSIVE = "raw mode does not support template, system, or context"

CHAT_REFUSALS = [
    ({"think": True}, COMPLETION, '"NAT" does not support thinking'),
    ({"think": "high"}, COMPLETION, '"NAT" does not support thinking'),
    ({"think": True}, EMBEDDING, '"NAT" does not support thinking'),
    ({}, EMBEDDING, '"NAT" does not support chat'),
    ({"tools": [TOOL]}, EMBEDDING, '"NAT" does not support chat'),
    ({"tools": [TOOL]}, COMPLETION, f"{FULL} does not support tools"),
    # Thinking is looked at first, then what the route does, then tools.
    ({"think": True, "tools": [TOOL]}, COMPLETION, '"NAT" does not support thinking'),
]

GENERATE_REFUSALS = [
    ({"think": True}, COMPLETION, '"NAT" does not support thinking'),
    ({}, EMBEDDING, '"NAT" does not support generate'),
    ({"suffix": "x"}, COMPLETION, f"{FULL} does not support insert"),
    ({"raw": True, "system": "x"}, EMBEDDING, EXCLUSIVE),
    ({"raw": True, "template": "x"}, EVERYTHING, EXCLUSIVE),
    ({"raw": True, "context": [1]}, EVERYTHING, EXCLUSIVE),
    ({"raw": True, "context": [1], "think": True}, COMPLETION, EXCLUSIVE),
    ({"context": [1], "template": "x"}, EVERYTHING, "context can't be combined with template"),
    ({"context": [1], "suffix": "x"}, EVERYTHING, "context can't be combined with suffix"),
    ({"context": [1], "images": ["QQ=="]}, EVERYTHING, "context can't be combined with images"),
    ({"context": [1], "think": True}, EVERYTHING, "context can't be combined with think"),
    ({"context": [1], "think": "low"}, EVERYTHING, "context can't be combined with think"),
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


CHATS = [
    ({"messages": [{"role": "assistant", "tool_calls": [CALL]}]}, COMPLETION),
    ({"messages": [{"role": "user", "content": "x", "images": ["QQ=="]}]}, COMPLETION),
    ({"tools": [TOOL]}, frozenset({"completion", "tools"})),
    ({"think": "max"}, frozenset({"completion", "thinking"})),
    ({"format": "json"}, COMPLETION),
    ({"format": {"type": "object"}, "logprobs": True, "top_logprobs": 20}, COMPLETION),
]


@pytest.mark.parametrize(("fields", "can"), CHATS)
def test_what_a_chat_is_not_refused_for(fields, can):
    check_chat(ChatRequest.model_validate({"model": "NAT", **fields}), can, FULL)


PROMPTS = [
    ({"raw": True}, COMPLETION),
    ({"raw": True, "suffix": "x", "images": ["QQ=="]}, EVERYTHING),
    ({"template": "x", "system": "x"}, COMPLETION),
    ({"context": [1], "system": "x", "think": False}, COMPLETION),
    ({"suffix": "x"}, frozenset({"completion", "insert"})),
    ({"images": ["QQ=="], "format": "json", "logprobs": True}, COMPLETION),
]


@pytest.mark.parametrize(("fields", "can"), PROMPTS)
def test_what_a_prompt_is_not_refused_for(fields, can):
    check_generate(GenerateRequest.model_validate({"model": "NAT", **fields}), can, FULL)


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


@pytest.mark.parametrize("count", [-1, 21, 10**18])
def test_top_logprobs_out_of_its_range(count):
    with pytest.raises(BadRequest) as refused:
        check_logprobs(ChatRequest.model_validate({"top_logprobs": count}))
    assert refused.value.message == "top_logprobs must be between 0 and 20"
