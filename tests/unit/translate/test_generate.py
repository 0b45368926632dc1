from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import AdapterError, BadRequest
from adapter.translate.abilities import check_generate, check_logprobs
from adapter.translate.generate import to_openai
from adapter.translate.options import OPTIONS
from adapter.translate.target import FimTokens, Target
from adapter.wire.gojson import parse
from adapter.wire.ollama import GenerateRequest, Message
from tests.unit.strategies import JSON, TEXTS

TARGET = Target("served", 4096)
FIM = replace(TARGET, fim=FimTokens("<PRE>", "<SUF>", "<MID>"))
OWN = replace(
    TARGET,
    system="be kind",
    turns=(Message(role="user", content="1+1"), Message(role="assistant", content="2")),
)
CODE = "{{ if .Suffix }}<P>{{ .Prompt }}<S>{{ .Suffix }}<M>{{ else }}[{{ .Prompt }}]{{ end }}"
PNG = "iVBORw0KGgo="


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


def test_the_models_own_turns_stand_before_the_prompt():
    messages = to_openai(parse(GenerateRequest, b'{"prompt":"hi"}'), OWN).body["messages"]
    assert [message["content"] for message in messages] == ["be kind", "1+1", "2", "hi"]
    body = b'{"prompt":"hi","system":"be brief"}'
    messages = to_openai(parse(GenerateRequest, body), OWN).body["messages"]
    assert [message["content"] for message in messages] == ["be brief", "1+1", "2", "hi"]


def test_images_stand_before_the_prompt():
    body = b'{"prompt":"hi","images":["%b"]}' % PNG.encode()
    [message] = to_openai(parse(GenerateRequest, body), TARGET).body["messages"]
    assert message["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "text", "text": "hi"},
    ]


# Target, request → the prompt that goes to completions, the `suffix` that goes with it.
UNTEMPLATED = [
    (TARGET, {"raw": True}, "hi", None),
    (OWN, {"raw": True}, "hi", None),
    (TARGET, {"raw": True, "suffix": "x"}, "hi", None),
    (FIM, {"suffix": "x"}, "<PRE>hi<SUF>x<MID>", None),
    (FIM, {"raw": True, "suffix": "x"}, "hi", None),
    (TARGET, {"suffix": "x"}, "hi", "x"),
    (TARGET, {"template": "[{{ .Prompt }}]"}, "[hi]", None),
    (TARGET, {"template": "{{ .System }}:{{ .Prompt }}", "system": "be"}, "be:hi", None),
    (OWN, {"template": "<{{ .Prompt }}|{{ .Response }}>"}, "<1+1|2><hi|", None),
    (replace(TARGET, template=CODE), {}, "[hi]", None),
    (replace(TARGET, template=CODE), {"suffix": "x"}, "<P>hi<S>x<M>", None),
    (replace(TARGET, template=CODE), {"template": "{{ .Prompt }}!"}, "hi!", None),
    (replace(TARGET, template=CODE), {"raw": True}, "hi", None),
]


@pytest.mark.parametrize(("target", "fields", "prompt", "suffix"), UNTEMPLATED)
def test_a_prompt_that_the_engine_applies_no_template_to(target, fields, prompt, suffix):
    question = to_openai(GenerateRequest.model_validate({"prompt": "hi", **fields}), target)
    assert question.path == "completions"
    assert question.body["prompt"] == prompt
    assert question.body.get("suffix") == suffix
    assert question.body["max_tokens"] == 4096


def test_token_ids_are_asked_for_unless_raw():
    for fields, wanted in (({}, True), ({"template": "x"}, True), ({"raw": True}, None)):
        request = GenerateRequest.model_validate({"prompt": "hi", **fields})
        assert to_openai(request, TARGET).body.get("return_token_ids") is wanted


@pytest.mark.parametrize("fields", [{"raw": True}, {"suffix": "x"}, {"template": "x"}])
def test_images_need_a_chat(fields):
    request = GenerateRequest.model_validate({"prompt": "hi", "images": [PNG], **fields})
    with pytest.raises(BadRequest, match="images can't be combined with"):
        to_openai(request, TARGET)


def test_a_bad_template_is_refused_in_its_words():
    request = GenerateRequest.model_validate({"prompt": "hi", "template": "{{ .Prompt"})
    with pytest.raises(BadRequest, match=r"^template: ") as refused:
        to_openai(request, TARGET)
    assert refused.value.status == 500


BODIES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(GenerateRequest.model_fields, JSON),
        "prompt": TEXTS,
        "options": st.dictionaries(st.sampled_from([option.name for option in OPTIONS]), JSON),
    },
)


@given(
    BODIES,
    st.sampled_from([frozenset({"completion"}), frozenset({"completion", "thinking", "insert"})]),
    st.sampled_from([TARGET, FIM, OWN, replace(TARGET, template=CODE)]),
)
def test_any_request_is_translated_or_refused_by_name(
    body: dict[str, Any], can: frozenset[str], target: Target
):
    try:
        request = parse(GenerateRequest, json.dumps(body).encode())
        check_logprobs(request)
        check_generate(request, can, "full/name")
        question = to_openai(request, target)
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
