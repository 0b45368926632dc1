from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import BadRequest
from adapter.translate.target import Target
from adapter.translate.v1_fields import Extras, Model
from adapter.translate.v1_messages import SERVER_BLOCKS, check_count, check_messages, messages
from adapter.wire.ollama import Message
from tests.unit.strategies import JSON

MODEL = Model("m", "full", frozenset({"tools", "thinking"}), Target("s", 5000, system="be"))
HI = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("body", "system"),
    [
        ({"messages": HI}, "be"),
        ({"messages": HI, "system": "do"}, "do"),
        ({"messages": HI, "system": []}, "be"),
        ({"messages": [{"role": "system", "content": "x"}, *HI]}, None),
    ],
)
def test_the_models_system_unless_there_is_one(body: dict, system: str | None):
    messages(body, Extras(), MODEL)
    assert body.get("system") == system


def test_think_counts_where_thinking_says_nothing():
    body: dict = {"messages": HI}
    messages(
        body, Extras(think=False), Model("m", "m", MODEL.capabilities, Target("s", thinks=True))
    )
    assert body["chat_template_kwargs"] == {"enable_thinking": False, "thinking": False}


@pytest.mark.parametrize("kind", SERVER_BLOCKS)
def test_blocks_that_vllm_refuses(kind: str):
    body = {"model": "m", "messages": [{"role": "user", "content": [{"type": kind}]}]}
    check_count(body)
    assert body["messages"] == [{"role": "user", "content": ""}]


BLOCK = st.dictionaries(st.sampled_from(["type", "source", "content", "text"]), JSON)
TURN = st.fixed_dictionaries({"content": st.lists(BLOCK | JSON, max_size=2) | JSON})


@given(
    turns=st.lists(TURN, min_size=1, max_size=2),
    thinking=st.dictionaries(st.sampled_from(["type", "budget_tokens"]), JSON),
    tools=st.lists(st.dictionaries(st.sampled_from(["name", "input_schema"]), JSON), max_size=2),
)
def test_anything_is_taken_or_refused(turns: list, thinking: dict, tools: list):
    body = {"model": "m", "max_tokens": 5, "messages": turns, "thinking": thinking, "tools": tools}
    with suppress(BadRequest):
        check_messages(body)
        messages(body, Extras(), MODEL)


def test_the_models_message_lines_stand_in_front():
    own = Target(
        "s",
        system="be",
        turns=(Message(role="user", content="a"), Message(role="assistant", content="b")),
    )
    body = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    check_messages(body)
    messages(body, Extras(), Model("m", "full", frozenset(), own))
    assert [turn["content"] for turn in body["messages"]] == ["a", "b", "hi"]
    assert body["system"] == "be"


@pytest.mark.parametrize(("chosen", "kept"), [("web_search", False), ("f", True)])
def test_a_choice_goes_with_its_tool(chosen: str, kept: bool):
    body = {
        "model": "m",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"name": "f", "input_schema": {}}, {"type": "web_search", "name": "web_search"}],
        "tool_choice": {"type": "tool", "name": chosen},
    }
    messages(body, Extras(), Model("m", "full", frozenset({"tools"}), Target("s")))
    assert ("tool_choice" in body) is kept
