from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import BadRequest
from adapter.translate.target import Target
from adapter.translate.v1_fields import Extras, Model
from adapter.translate.v1_responses import DROPPED_ITEMS, check_responses, responses
from adapter.wire.ollama import Message
from tests.unit.strategies import JSON

MODEL = Model("m", "full", frozenset({"tools", "thinking"}), Target("s", 9, system="be"))


@pytest.mark.parametrize(
    ("body", "instructions"),
    [
        ({"input": "hi"}, "be"),
        ({"input": []}, "be"),
        ({}, "be"),
        ({"input": "hi", "instructions": "do"}, "do"),
        ({"input": [{"role": "system", "content": "x"}]}, None),
        ({"input": [{"role": "developer", "content": "x"}]}, None),
        ({"input": [{"role": "user", "content": "x"}]}, "be"),
    ],
)
def test_the_models_system_unless_there_is_one(body: dict, instructions: str | None):
    check_responses(body)
    responses(body, Extras(), MODEL)
    assert body.get("instructions") == instructions


@pytest.mark.parametrize("kind", DROPPED_ITEMS)
def test_items_that_vllm_refuses(kind: str):
    body = {"input": [{"type": kind, "id": "a"}, {"role": "user", "content": "x"}]}
    check_responses(body)
    assert body["input"] == [{"role": "user", "content": "x"}]


ITEM = st.dictionaries(
    st.sampled_from(["type", "role", "content", "output", "encrypted_content", "summary"]), JSON
)


@given(items=st.lists(ITEM | JSON, max_size=3))
def test_any_input_is_taken_or_refused(items: list):
    body: dict = {"input": items, "reasoning": {"effort": "low"}}
    with suppress(BadRequest):
        check_responses(body)
        responses(body, Extras(), MODEL)


@pytest.mark.parametrize("given", ["hi", [{"role": "user", "content": "hi"}]])
def test_the_models_message_lines_stand_in_front(given: object):
    own = Target("s", turns=(Message(role="user", content="a"), Message(role="system")))
    body = {"model": "m", "input": given}
    check_responses(body)
    responses(body, Extras(), Model("m", "full", frozenset(), own))
    assert [item["content"] for item in body["input"]] == ["a", "hi"]
