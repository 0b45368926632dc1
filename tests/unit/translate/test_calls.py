from __future__ import annotations

import itertools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import EngineFault
from adapter.translate.calls import Calls
from adapter.translate.events import CallPart
from tests.unit.strategies import JSON

CUT = (
    'the model returned invalid tool call arguments for "f": they were cut off at the length limit'
)


def whole(*parts: CallPart, cut: bool = False) -> list[dict]:
    calls = Calls()
    for part in parts:
        calls.add(part)
    return calls.whole(cut=cut)


def test_nothing_called():
    assert whole() == whole(cut=True) == []


def test_a_call_in_pieces():
    parts = [CallPart(0, "a", "f"), CallPart(0, arguments='{"b"'), CallPart(0, arguments=":1}")]
    assert json.dumps(whole(*parts)) == (
        '[{"id": "a", "function": {"index": 0, "name": "f", "arguments": {"b": 1}}}]'
    )


def test_several_calls_whose_pieces_are_mixed():
    parts = [
        CallPart(1, "b", "g"),
        CallPart(0, "a", "f"),
        CallPart(1, arguments='{"x":'),
        CallPart(0, arguments="{"),
        CallPart(1, arguments="1}"),
        CallPart(0, arguments="}"),
    ]
    assert [(call["id"], call["function"]) for call in whole(*parts)] == [
        ("a", {"index": 0, "name": "f", "arguments": {}}),
        ("b", {"index": 1, "name": "g", "arguments": {"x": 1}}),
    ]


def test_places_are_counted_anew():
    """Ollama's are 0, 1, 2; an engine may leave some out."""
    found = whole(CallPart(7, "b", "g"), CallPart(3, "a", "f"))
    assert [(call["id"], call["function"]["index"]) for call in found] == [("a", 0), ("b", 1)]


def test_the_first_id_and_name_stay():
    [call] = whole(CallPart(0, "a", "f"), CallPart(0, "a", "g"), CallPart(0, "b", "", "{}"))
    assert (call["id"], call["function"]["name"]) == ("a", "f")


def test_an_id_is_made_up_as_ollama_does():
    found = whole(CallPart(0, name="f"), CallPart(1, name="f"))
    ids = [call["id"] for call in found]
    assert all(re.fullmatch(r"call_[a-z0-9]{8}", id) for id in ids)
    assert len(set(ids)) == 2


def test_the_order_of_arguments_is_the_models():
    [call] = whole(CallPart(0, "a", "f", '{"z":1,"a":{"y":2,"b":3}}'))
    assert json.dumps(call["function"]["arguments"]) == '{"z": 1, "a": {"y": 2, "b": 3}}'


def test_no_arguments_are_an_empty_object_unless_they_were_cut_off():
    [call] = whole(CallPart(0, "a", "f"))
    assert call["function"]["arguments"] == {}
    for made_up in ("", "{}"):  # vLLM adds the latter in events of several tokens
        with pytest.raises(EngineFault) as fault:
            whole(CallPart(0, "a", "f", made_up), cut=True)
        assert fault.value.message == CUT


def test_the_last_call_alone_can_have_been_cut():
    found = whole(CallPart(0, "a", "f"), CallPart(1, "b", "f", '{"x":1}'), cut=True)
    assert [call["function"]["arguments"] for call in found] == [{}, {"x": 1}]
    with pytest.raises(EngineFault) as fault:
        whole(CallPart(0, "a", "g", "{}"), CallPart(1, "b", "f", '{"x":'), cut=True)
    assert fault.value.message == CUT


def test_a_call_that_was_complete_before_the_cut_is_one():
    [call] = whole(CallPart(0, "a", "f", '{"x":1}'), cut=True)
    assert call["function"]["arguments"] == {"x": 1}


@pytest.mark.parametrize("arguments", ["5", "1.5", "[]", '"{}"', "true", "null"])
def test_arguments_that_are_no_object(arguments: str):
    with pytest.raises(EngineFault) as fault:
        whole(CallPart(0, "a", "f", arguments))
    assert fault.value.status == 500
    assert fault.value.message == (
        'the model returned invalid tool call arguments for "f": they are no JSON object'
    )


@pytest.mark.parametrize("arguments", ["{", '{"a":', "Infinity", "NaN", "{}{}", "{a:1}", "x", " "])
def test_arguments_that_are_no_json(arguments: str):
    with pytest.raises(EngineFault, match='invalid tool call arguments for "f": ') as fault:
        whole(CallPart(0, "a", "f", arguments))
    assert fault.value.status == 500


def test_a_call_without_a_name():
    with pytest.raises(EngineFault, match="did not name the tool"):
        whole(CallPart(0, "a", arguments="{}"))


def test_one_broken_call_breaks_all():
    with pytest.raises(EngineFault):
        whole(CallPart(0, "a", "f", "{}"), CallPart(1, "b", "g", "5"))


@given(st.dictionaries(st.text(), JSON, max_size=3), st.lists(st.integers(0, 200), max_size=8))
def test_arguments_cut_anywhere_are_the_same(arguments: dict, places: list[int]):
    text = json.dumps(arguments)
    bounds = sorted({0, len(text), *(place for place in places if place < len(text))})
    parts = [CallPart(0, arguments=text[a:b]) for a, b in itertools.pairwise(bounds)]
    try:
        expected = whole(CallPart(0, "a", "f", text))
    except EngineFault:
        assert "\\ud" in text or re.search(r"\d{19}", text)  # what no JSON of ours can hold
        return
    assert whole(CallPart(0, "a", "f"), *parts) == expected
    assert list(expected[0]["function"]["arguments"]) == list(arguments)


def test_calls_that_share_an_index_are_told_apart_by_their_ids():
    calls = Calls()
    calls.add(CallPart(0, "a", "f", '{"x":1}'))
    calls.add(CallPart(0, "b", "g", '{"y"'))
    calls.add(CallPart(0, "", "", ":2}"))
    assert [(call["id"], call["function"]) for call in calls.whole()] == [
        ("a", {"index": 0, "name": "f", "arguments": {"x": 1}}),
        ("b", {"index": 1, "name": "g", "arguments": {"y": 2}}),
    ]


def test_arguments_too_deep_to_be_written_are_an_error():
    deep = '{"a":' + "[" * 600 + "]" * 600 + "}"
    with pytest.raises(EngineFault, match='invalid tool call arguments for "f"'):
        whole(CallPart(0, "a", "f", deep))
