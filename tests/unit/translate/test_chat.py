"""/api/chat into vLLM's body; and that no request of any shape fails in any other way than ours."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import AdapterError, BadRequest
from adapter.translate.abilities import check_chat, check_logprobs
from adapter.translate.chat import to_openai
from adapter.translate.options import OPTIONS
from adapter.translate.target import Target
from adapter.wire.gojson import parse
from adapter.wire.ollama import ChatRequest, Message
from tests.unit.strategies import JSON, TEXTS

TARGET = Target("served/name", 4096, {"temperature": 0.5, "stop": ["</s>"]})
THINKER = replace(TARGET, thinks=True)
TEMPLATED = replace(TARGET, system="be kind", template="<{{ .System }}>{{ .Prompt }}|")
OTHER = replace(THINKER, vllm=False)
TOOL = {"function": {"name": "f", "parameters": {"type": "object"}}}
SEVERAL = st.sampled_from(
    [
        frozenset({"completion"}),
        frozenset({"completion", "tools", "thinking", "vision", "insert"}),
    ]
)


def test_a_chat():
    request = parse(
        ChatRequest,
        b'{"model":"nat","messages":[{"role":"system","content":"be kind"},'
        b'{"role":"user","content":"hi"}],"options":{"num_predict":5,"seed":1}}',
    )
    question = to_openai(request, TARGET)
    assert orjson.dumps(question.body) == (
        b'{"model":"served/name","stream":true,"stream_options":{"include_usage":true},'
        b'"max_tokens":5,"temperature":0.5,"seed":1,"stop":["</s>"],"messages":'
        b'[{"role":"system","content":"be kind"},{"role":"user","content":"hi"}]}'
    )


@pytest.mark.parametrize(("stream", "interval"), [(None, None), (True, None), (False, 16)])
def test_one_object_is_asked_for_in_larger_events(stream, interval):
    request = ChatRequest.model_validate({"stream": stream})
    assert to_openai(request, TARGET).body.get("stream_interval") == interval


# --- tools, begun answers, the model's own turns --------------------------------------------


def asked(**fields: Any) -> ChatRequest:
    return ChatRequest.model_validate({"messages": [{"role": "user", "content": "hi"}], **fields})


def test_tools_and_which_of_them():
    body = to_openai(asked(tools=[TOOL]), TARGET).body
    assert body["tools"] == [{"type": "function", **TOOL}]
    assert "tool_choice" not in body
    assert to_openai(asked(tools=[TOOL], tool_choice="required"), TARGET).body["tool_choice"] == (
        "required"
    )


@pytest.mark.parametrize("fields", [{"tools": []}, {"tool_choice": "auto"}, {"tools": None}])
def test_no_tools_are_no_field_and_nothing_to_choose(fields):
    """vLLM refuses both an empty list and a choice without tools."""
    body = to_openai(asked(**fields), TARGET).body
    assert not {"tools", "tool_choice"} & body.keys()


def test_thinking_is_switched_for_who_can():
    on = {"enable_thinking": True, "thinking": True}
    assert to_openai(asked(), THINKER).body["chat_template_kwargs"] == on
    assert "chat_template_kwargs" not in to_openai(asked(), TARGET).body


def test_a_begun_answer_is_gone_on_with():
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "The"}]
    body = to_openai(asked(messages=turns), THINKER).body
    assert body["continue_final_message"] is True
    assert body["add_generation_prompt"] is False
    assert body["chat_template_kwargs"]["enable_thinking"] is False


def test_a_model_with_a_template_of_its_own_is_asked_for_a_completion():
    request = asked(logprobs=True, options={"num_predict": 3})
    question = to_openai(request, TEMPLATED)
    assert question.path == "completions"
    assert question.body["prompt"] == "<be kind>hi|"
    assert (question.body["max_tokens"], question.body["logprobs"]) == (3, 0)
    assert not {"messages", "return_token_ids"} & question.body.keys()


def test_a_template_has_no_place_for_images():
    request = asked(messages=[{"role": "user", "content": "see", "images": ["QUJD"]}])
    with pytest.raises(BadRequest, match="images can't be combined with a template"):
        to_openai(request, TEMPLATED)


OPTION_VALUES = st.dictionaries(st.sampled_from([option.name for option in OPTIONS]), JSON)
TURN = st.one_of(
    JSON,
    st.fixed_dictionaries({}, optional=dict.fromkeys(Message.model_fields, JSON)),
    st.fixed_dictionaries({"role": TEXTS, "content": TEXTS}),
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(ChatRequest.model_fields, JSON),
        "model": TEXTS,
        "messages": st.one_of(st.lists(TURN, max_size=3), JSON),
        "options": st.one_of(OPTION_VALUES, JSON),
    },
)


@given(BODIES, st.booleans(), SEVERAL, st.sampled_from([TARGET, THINKER, TEMPLATED, OTHER]))
def test_any_request_is_translated_or_refused_by_name(
    body: dict[str, Any], lenient: bool, can: frozenset[str], target: Target
):
    text = json.dumps(body).encode() + (b" trailing" if lenient else b"")
    try:
        request = parse(ChatRequest, text)
        check_logprobs(request)
        check_chat(request, can, "registry.ollama.ai/library/nat:latest")
        question = to_openai(request, target)
        orjson.dumps(question.body)
    except AdapterError as refused:
        text = (refused.status, refused.message)
    else:
        text = (500, "-")
    assert text[1]
    assert text[0] in (400, 500)


@given(
    st.lists(st.fixed_dictionaries({"role": TEXTS, "content": TEXTS}), max_size=3),
    st.lists(TEXTS, max_size=6),
    st.booleans(),
)
def test_translating_twice_is_equal_and_changes_nothing(turns, stops, stream):
    body = {"messages": turns, "options": {"stop": stops, "top_k": 3}, "stream": stream}
    request = parse(ChatRequest, json.dumps(body).encode())
    before = request.model_dump_json()
    options = dict(TARGET.options)
    first, second = to_openai(request, TARGET), to_openai(request, TARGET)
    assert orjson.dumps(first.body) == orjson.dumps(second.body)
    assert first == second
    assert request.model_dump_json() == before
    assert TARGET.options == options
    first.body["messages"].append({})
    first.body.get("stop", []).append("changed")
    assert to_openai(request, TARGET) == second
