from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.conformance.reply import Reply
from adapter.conformance.rules import RULES, check
from adapter.conformance.statements import all_statements

JSON = {"content-type": "application/json; charset=utf-8"}


def reply(value: Any, status: int = 200, **headers: str) -> Reply:
    body = value.encode() if isinstance(value, str) else orjson.dumps(value)
    return Reply(status, JSON | headers, [body])


A = [{"n": "x", "m": "x"}, {"n": "y", "m": "y"}]
SHOWN = {"model_info": {"general.architecture": "llama", "llama.context_length": 8192}}
TEXT_LENGTH = {"model_info": SHOWN["model_info"] | {"llama.context_length": "8192"}}
CASES: list[tuple[dict[str, Any], Reply, Reply]] = [
    ({"status": 200}, reply({}), reply({}, 404)),
    ({"status": [200, 401]}, reply({}, 401), reply({}, 404)),
    ({"content_type": "application/json"}, reply({}), Reply(200, {"content-type": "text/html"})),
    ({"content_type": "application/json"}, reply({}), Reply(200, {})),
    ({"resp_headers": {"Vary": "~Origin"}}, reply({}, vary="Origin"), reply({})),
    ({"resp_headers": {"Vary": "Origin"}}, reply({}, vary="Origin"), reply({}, vary="A, Origin")),
    ({"absent_headers": ["Vary"]}, reply({}), reply({}, vary="Origin")),
    ({"body_text": "up"}, reply("up"), reply("up\n")),
    ({"body_equals": {"a": []}}, reply({"a": []}), reply({"a": [], "b": 1})),
    ({"body_subset": {"a": 1}}, reply({"a": 1, "b": 2}), reply({"a": 2, "b": 2})),
    ({"body_subset": {"a": 1}}, reply({"a": 1}), reply("404 page not found")),
    ({"absent": ["a.b"]}, reply({"a": {}}), reply({"a": {"b": None}})),
    ({"if_present": {"a": "$str"}}, reply({"a": "x"}), reply({"a": {}})),
    ({"if_present": {"a": "$str"}}, reply({}), reply({"a": None})),
    ({"no_nulls": True}, reply({"a": [0, ""]}), reply({"a": [None]})),
    ({"key_order": ["a", "b"]}, reply({"a": 1, "b": 2}), reply({"b": 2, "a": 1})),
    ({"key_order": ["a"]}, reply({"a": 1}), reply({"a": 1, "b": 2})),
    ({"key_order": ["a"]}, reply({"a": 1}), reply(["a"])),
    ({"keys_in_order": ["a", "b"]}, reply({"a": 1, "x": 0, "b": 2}), reply({"b": 2, "a": 1})),
    ({"count": {"a": 2}}, reply({"a": [1, 2]}), reply({"a": [1]})),
    ({"count": {"a": 2}}, reply({"a": [1, 2]}), reply({"a": "xy"})),
    ({"every_in": {"a": "$int"}}, reply({"a": [1, 2]}), reply({"a": [1, 2.5]})),
    ({"every_in": {"a": "$int"}}, reply({"a": []}), reply({})),
    ({"any_in": {"a": {"n": "y"}}}, reply({"a": A}), reply({"a": A[:1]})),
    ({"equal_in": {"a": ["n", "m"]}}, reply({"a": A}), reply({"a": [{"n": "x", "m": "z"}]})),
    ({"equal_in": {"a": ["n", "m"]}}, reply({"a": []}), reply({"a": [{}]})),
    ({"subset_of": {"a": ["x", "y"]}}, reply({"a": ["x"]}), reply({"a": ["x", "z"]})),
    ({"contains": {"a": ["x"]}}, reply({"a": ["x", "z"]}), reply({"a": ["z"]})),
    ({"not_contains": {"a": ["x"]}}, reply({"a": ["z"]}), reply({"a": ["x", "z"]})),
    ({"vector_norm": {"path": "a", "norm": 1.0}}, reply({"a": [0.6, 0.8]}), reply({"a": [3, 4]})),
    (
        {"vector_norm": {"path": "a", "norm": 1.0, "len": 2}},
        reply({"a": [0.6, 0.8]}),
        reply({"a": [0.6, 0.8, 0]}),
    ),
    ({"vector_norm": {"path": "a", "norm": 1.0}}, reply({"a": [1]}), reply({"a": "AACAPw=="})),
    ({"arch_keys": ["context_length"]}, reply(SHOWN), reply(TEXT_LENGTH)),
    ({"arch_keys": ["context_length"]}, reply(SHOWN), reply({"model_info": None})),
    (
        {"stream_rules": {"kind": "ndjson", "last": {"a": 2}}},
        reply('{"a":1}\n{"a":2}\n'),
        reply('{"a":1}\n'),
    ),
]


@pytest.mark.parametrize(("expect", "good", "bad"), CASES)
def test_what_holds_and_what_does_not(expect: dict[str, Any], good: Reply, bad: Reply):
    assert check(expect, good) == []
    assert len(check(expect, bad)) == 1


def test_every_rule_is_shown_to_fail():
    shown = {name for expect, _, _ in CASES for name in expect}
    assert shown == RULES.keys() - {"unverifiable"}


def test_all_rules_are_applied():
    status, body = check({"status": 200, "body_subset": {"error": "x"}}, reply("oops", 500))
    assert status == "status: expected 200, got 500"
    assert body.startswith("body_subset: no JSON")


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-2, 2) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["models", "error", "message", "done", "choices", "data", "model_info"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(st.lists(ANY_JSON | st.binary(max_size=5), max_size=3), st.booleans())
def test_no_answer_breaks_the_checker(values: list[Any], ended: bool):
    chunks = [v if isinstance(v, bytes) else orjson.dumps(v) + b"\n" for v in values]
    for statement in all_statements():
        assert isinstance(check(statement.expect, Reply(200, {}, chunks, ended)), list)
