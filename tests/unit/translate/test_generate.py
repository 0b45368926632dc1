from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import AdapterError
from adapter.translate.abilities import check_generate, check_logprobs
from adapter.translate.generate import to_openai
from adapter.translate.options import OPTIONS
from adapter.translate.target import Target
from adapter.wire.gojson import parse
from adapter.wire.ollama import GenerateRequest
from tests.unit.strategies import JSON, TEXTS

TARGET = Target("served", 4096)


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        (b'{"prompt":"hi"}', [{"role": "user", "content": "hi"}]),
        (
            b'{"prompt":"hi","system":"be kind"}',
            [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hi"}],
        ),
        (b'{"prompt":"hi","system":""}', [{"role": "user", "content": "hi"}]),
        (b'{"prompt":null,"system":null}', [{"role": "user", "content": ""}]),
    ],
)
def test_a_prompt_is_a_chat_of_one_turn(body: bytes, messages: list[dict[str, str]]):
    question = to_openai(parse(GenerateRequest, body), TARGET)
    assert question.path == "chat/completions"
    assert question.body["messages"] == messages


BODIES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(GenerateRequest.model_fields, JSON),
        "prompt": TEXTS,
        "options": st.dictionaries(st.sampled_from([option.name for option in OPTIONS]), JSON),
    },
)


@given(BODIES)
def test_any_request_is_translated_or_refused_by_name(body: dict[str, Any]):
    try:
        request = parse(GenerateRequest, json.dumps(body).encode())
        check_logprobs(request)
        check_generate(request, frozenset({"completion"}), "full/name")
        question = to_openai(request, TARGET)
        orjson.dumps(question.body)
    except AdapterError as refused:
        text = (refused.status, refused.message)
    else:
        text = (500, "-")
    assert text[1]
    assert text[0] in (400, 500)


def test_translating_twice_is_equal_and_changes_nothing():
    request = parse(GenerateRequest, b'{"prompt":"hi","options":{"stop":["a","","a"],"seed":3.0}}')
    before = request.model_dump_json()
    assert to_openai(request, TARGET) == to_openai(request, TARGET)
    assert request.model_dump_json() == before
