from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import BadRequest
from adapter.translate.definition import (
    Definition,
    digest_of,
    fingerprint,
    laid_over,
    layers,
)
from adapter.translate.untold import FIM_TEMPLATE, TEMPLATE, UNKNOWN
from adapter.wire.gojson import parse
from adapter.wire.ollama import CreateRequest, Message
from tests.unit.strategies import JSON, TEXTS

HI = Message(role="user", content="hi")
UNDER = Definition(
    base="nat:latest",
    system="one",
    template="{{ .Prompt }}",
    messages=(HI,),
    options={"seed": 1, "top_k": 2},
    license=("MIT",),
    lora="ollama-vllm-lora-0",
)


def request(**fields: Any) -> CreateRequest:
    return parse(CreateRequest, json.dumps({"model": "x", "from": "y", **fields}).encode())


def test_what_a_request_leaves_out_is_inherited():
    assert laid_over(UNDER, request()) == UNDER
    unset = {"system": "", "template": "", "messages": [], "parameters": None, "license": None}
    assert laid_over(UNDER, request(**unset)) == UNDER


def test_what_it_says_counts():
    changed = laid_over(
        UNDER,
        request(
            system="two",
            template="<{{ .Prompt }}>",
            messages=[{"role": "system", "content": "x"}],
            parameters={"seed": 3, "temperature": 0.5},
            license=["Apache", "", "mine"],
        ),
    )
    assert changed == Definition(
        base="nat:latest",
        system="two",
        template="<{{ .Prompt }}>",
        messages=(Message(role="system", content="x"),),
        options={"seed": 3, "top_k": 2, "temperature": 0.5},
        license=("Apache", "mine"),
        lora="ollama-vllm-lora-0",
    )


@pytest.mark.parametrize("template", [TEMPLATE, FIM_TEMPLATE])
def test_what_show_tells_of_a_served_model_means_the_models_own(template: str):
    served = Definition("nat:latest")
    assert laid_over(served, request(template=template, license=UNKNOWN)) == served
    assert laid_over(served, request(license=[UNKNOWN, "MIT"])).license == ("MIT",)
    own = laid_over(UNDER, request(template=template, license=[UNKNOWN]))
    assert own == replace(UNDER, template="")


@pytest.mark.parametrize(
    ("parameters", "options"),
    [
        ({"stop": "a b"}, {"stop": ["a b"]}),
        ({"stop": ["a", "b"]}, {"stop": ["a", "b"]}),
        ({"seed": None}, {}),
        ({"num_ctx": 4096.0, "mirostat": 2}, {"num_ctx": 4096.0, "mirostat": 2}),
    ],
)
def test_parameters(parameters: dict[str, Any], options: dict[str, Any]):
    assert laid_over(Definition("x"), request(parameters=parameters)).options == options


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"parameters": {"top_k": "x"}}, 'option "top_k" must be of type integer'),
        ({"parameters": {"stop": [1]}}, 'option "stop" must be of an array of strings'),
        ({"parameters": {"a b": 1}}, 'parameter "a b" is none'),
        ({"parameters": {"": 1}}, 'parameter "" is none'),
        ({"parameters": {"a\nSYSTEM": 1}}, r'parameter "a\nSYSTEM" is none'),
        ({"parameters": {"x": {}}}, 'parameter "x" is none'),
        ({"parameters": {"x": [None]}}, 'parameter "x" is none'),
        ({"license": 5}, "license must be a string or a list of strings"),
        ({"license": ["a", {}]}, "license must be a string or a list of strings"),
    ],
)
def test_what_it_may_not_say(fields: dict[str, Any], message: str):
    with pytest.raises(BadRequest) as error:
        laid_over(UNDER, request(**fields))
    assert (error.value.status, error.value.message) == (400, message)


def test_a_template_that_can_not_be_read():
    with pytest.raises(BadRequest, match=r"^template error: template: ") as error:
        laid_over(UNDER, request(template="{{ if }}"))
    assert error.value.status == 400


@given(st.dictionaries(st.sampled_from(["parameters", "license", "messages", "system"]), JSON))
def test_any_value_makes_a_definition_or_is_refused(fields: dict[str, Any]):
    try:
        made = laid_over(UNDER, request(**fields))
    except BadRequest:
        return
    assert len(fingerprint(made)) == 64


@pytest.mark.parametrize(
    "change",
    [
        {"system": "two"},
        {"template": ""},
        {"messages": ()},
        {"options": {"seed": 1}},
        {"license": ()},
        {"lora": ""},
        {"base": "other:latest"},
    ],
)
def test_a_fingerprint_tells_definitions_apart(change: dict[str, Any]):
    assert len(fingerprint(UNDER)) == 64
    assert fingerprint(UNDER) != fingerprint(replace(UNDER, **change))


def test_a_fingerprint_does_not_depend_on_the_order_of_options():
    assert fingerprint(replace(UNDER, options={"top_k": 2, "seed": 1})) == fingerprint(UNDER)


def test_a_digest_is_of_the_definition_and_of_the_base():
    digest = digest_of("1" * 64, "2" * 64)
    assert len(digest) == 64
    assert len({digest, digest_of("1" * 64, "3" * 64), digest_of("3" * 64, "2" * 64)}) == 3


def test_only_what_is_said_is_a_layer():
    assert layers(Definition("x")) == []
    assert len(layers(UNDER)) == 5
    # sha256 of "one"
    digest = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    assert layers(Definition("x", system="one")) == [f"sha256:{digest}"]


@given(TEXTS)
def test_any_text_has_a_digest(text: str):
    assert len(fingerprint(Definition("x", system=text, template=text))) == 64
