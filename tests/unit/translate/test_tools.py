from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.translate.tools import Ledger, definitions
from adapter.wire.ollama import Message, ToolCall
from tests.unit.strategies import JSON


def call(name: str, id: str = "", **arguments: Any) -> ToolCall:
    return ToolCall.model_validate({"id": id, "function": {"name": name, "arguments": arguments}})


def result(**fields: str) -> Message:
    return Message(role="tool", content="5", **fields)


# --- definitions ----------------------------------------------------------------------------

FUNCTION = {"name": "f", "parameters": {"type": "object", "properties": {"b": {}, "a": {}}}}


@pytest.mark.parametrize(
    ("given_", "sent"),
    [
        (
            {"type": "function", "function": FUNCTION},
            {"type": "function", "function": FUNCTION},
        ),
        ({"function": FUNCTION}, {"type": "function", "function": FUNCTION}),
        ({"type": None, "function": FUNCTION}, {"type": "function", "function": FUNCTION}),
        ({"type": "", "function": FUNCTION}, {"type": "function", "function": FUNCTION}),
        ({"type": "web", "x": 1}, {"type": "web", "x": 1}),
        ({}, {"type": "function"}),
    ],
)
def test_a_definition_has_a_type(given_, sent):
    assert definitions([given_]) == [sent]


def test_the_order_of_parameters_and_what_is_more_is_kept():
    tool = {"type": "function", "function": {**FUNCTION, "strict": True}, "more": [1]}
    assert json.dumps(definitions([tool, tool])[1]["function"]) == json.dumps(tool["function"])
    assert definitions([tool])[0]["more"] == [1]
    assert definitions([]) == []


# --- calls ----------------------------------------------------------------------------------


def test_a_call_as_vllm_wants_it():
    assert Ledger().calls([call("f", "abc", b=1, a={"x": [None, "é"]})]) == [
        {
            "id": "abc",
            "type": "function",
            "function": {"name": "f", "arguments": '{"b":1,"a":{"x":[null,"é"]}}'},
        }
    ]


def test_ids_are_made_up_where_there_is_none():
    """Nine letters and digits: some templates, Mistral's among them, take no other ids."""
    ledger = Ledger()
    made = [one["id"] for _ in range(3) for one in ledger.calls([call("f"), call("f")])]
    assert made == [f"call{number:05d}" for number in range(1, 7)]
    assert all(len(id) == 9 and id.isalnum() for id in made)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_any_arguments_are_a_text_of_json(arguments: dict[str, Any]):
    sent = ToolCall.model_validate(
        {"function": {"name": "f", "arguments": json.loads(json.dumps(arguments))}}
    )
    try:
        [written] = Ledger().calls([sent])
    except TypeError:
        # Integers that no request can hold: the decoder of requests has made floats of them.
        assert any(abs(number) >= 2**63 for number in integers(arguments))
        return
    assert list(json.loads(written["function"]["arguments"])) == list(sent.function.arguments)


def integers(value: Any) -> list[int]:
    if isinstance(value, dict):
        return [number for item in value.values() for number in integers(item)]
    if isinstance(value, list):
        return [number for item in value for number in integers(item)]
    return [value] if type(value) is int else []


# --- results --------------------------------------------------------------------------------

TWO = [call("f", "a"), call("g", "b")]
SAME = [call("f", "a"), call("f", "b")]
BARE = [call("f"), call("g"), call("f")]

# Calls, results → which call each is taken to answer, and with what name.
MATCHED: list[tuple[list[ToolCall], list[dict[str, str]], list[tuple[str, str]]]] = [
    (TWO, [{"tool_call_id": "a"}, {"tool_call_id": "b"}], [("a", "f"), ("b", "g")]),
    (TWO, [{"tool_call_id": "b"}, {"tool_call_id": "a"}], [("b", "g"), ("a", "f")]),
    (TWO, [{"tool_name": "g"}, {"tool_name": "f"}], [("b", "g"), ("a", "f")]),
    (TWO, [{}, {}], [("a", "f"), ("b", "g")]),
    (TWO, [{"tool_name": "g"}, {}], [("b", "g"), ("a", "f")]),
    (TWO, [{"tool_call_id": "b"}, {"tool_name": "f"}], [("b", "g"), ("a", "f")]),
    # The id says more than the name.
    (TWO, [{"tool_call_id": "b", "tool_name": "f"}], [("b", "f")]),
    # An id that nobody gave: of a client that makes up its own.
    (TWO, [{"tool_call_id": "zz", "tool_name": "g"}], [("b", "g")]),
    (TWO, [{"tool_call_id": "zz"}], [("a", "f")]),
    # Two calls of one tool are answered in their order.
    (SAME, [{"tool_name": "f"}, {"tool_name": "f"}], [("a", "f"), ("b", "f")]),
    (SAME, [{"tool_call_id": "b"}, {"tool_name": "f"}], [("b", "f"), ("a", "f")]),
    (
        BARE,
        [{"tool_name": "f"}, {"tool_name": "f"}, {}],
        [("call00001", "f"), ("call00003", "f"), ("call00002", "g")],
    ),
]


@pytest.mark.parametrize(("calls", "results", "expected"), MATCHED)
def test_a_result_is_matched_by_id_by_name_by_order(calls, results, expected):
    ledger = Ledger()
    ledger.calls(calls)
    found = [ledger.result(result(**fields)) for fields in results]
    assert [(one["tool_call_id"], one["name"]) for one in found] == expected


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        ({}, {}),
        ({"tool_name": "f"}, {"name": "f"}),
        ({"tool_call_id": "a"}, {"tool_call_id": "a"}),
        ({"tool_name": "f", "tool_call_id": "a"}, {"tool_call_id": "a", "name": "f"}),
    ],
)
def test_a_result_of_no_call_keeps_what_it_has(fields, known):
    assert Ledger().result(result(**fields)) == known
    ledger = Ledger()
    ledger.calls([call("f", "x")])
    ledger.result(result())
    assert ledger.result(result(**fields)) == known


def test_calls_that_nobody_answered_lapse_with_the_next():
    ledger = Ledger()
    ledger.calls([call("f", "old")])
    ledger.calls([call("g", "new")])
    assert ledger.result(result(tool_name="f")) == {"tool_call_id": "new", "name": "f"}
    assert ledger.result(result(tool_call_id="old")) == {"tool_call_id": "old"}
