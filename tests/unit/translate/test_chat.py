"""/api/chat into vLLM's body; and that no request of any shape fails in any other way than ours."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import AdapterError
from adapter.translate.abilities import check_chat, check_logprobs
from adapter.translate.chat import to_openai
from adapter.translate.options import OPTIONS
from adapter.translate.target import Target
from adapter.wire.gojson import parse
from adapter.wire.ollama import ChatRequest, Message
from tests.unit.strategies import JSON, TEXTS

TARGET = Target("served/name", 4096, {"temperature": 0.5, "stop": ["</s>"]})
CAN = frozenset({"completion"})


def test_a_chat():
    request = parse(
        ChatRequest,
        b'{"model":"nat","messages":[{"role":"system","content":"be kind"},'
        b'{"role":"user","content":"hi"}],"options":{"num_predict":5,"seed":1}}',
    )
    question = to_openai(request, TARGET)
    assert orjson.dumps(question.body) == (
        b'{"model":"served/name","messages":[{"role":"system","content":"be kind"},'
        b'{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true},'
        b'"max_tokens":5,"temperature":0.5,"seed":1,"stop":["</s>"]}'
    )


@pytest.mark.parametrize(("stream", "interval"), [(None, None), (True, None), (False, 16)])
def test_one_object_is_asked_for_in_larger_events(stream, interval):
    request = ChatRequest.model_validate({"stream": stream})
    assert to_openai(request, TARGET).body.get("stream_interval") == interval


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


@given(BODIES, st.booleans())
def test_any_request_is_translated_or_refused_by_name(body: dict[str, Any], lenient: bool):
    text = json.dumps(body).encode() + (b" trailing" if lenient else b"")
    try:
        request = parse(ChatRequest, text)
        check_logprobs(request)
        check_chat(request, CAN, "registry.ollama.ai/library/nat:latest")
        question = to_openai(request, TARGET)
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
