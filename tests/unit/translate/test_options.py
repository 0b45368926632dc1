"""Every row of the table of options: what vLLM is sent, and what is told for a wrong kind."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import BadOption
from adapter.translate.options import (
    DROPPED_BY_OLLAMA,
    OLLAMA_DEFAULTS,
    OPTIONS,
    checked,
    sampling,
)
from adapter.translate.target import Target
from tests.unit.strategies import JSON

TARGET = Target("m", context_length=4096)
BY_NAME = {option.name: option for option in OPTIONS}


# option, value, the fields it becomes
CONVERSIONS: list[tuple[str, Any, dict[str, Any]]] = [
    ("num_predict", 10, {"max_tokens": 10}),
    ("num_predict", 10.9, {"max_tokens": 10}),
    ("num_predict", 0, {}),
    ("num_predict", -1, {}),
    ("num_predict", -2, {}),
    ("num_predict", 4096, {"max_tokens": 4096}),
    ("num_predict", 4097, {"max_tokens": 4096}),
    ("num_predict", 10**9, {"max_tokens": 4096}),
    ("temperature", 0, {"temperature": 0.0}),
    ("temperature", 0.7, {"temperature": 0.7}),
    ("temperature", 2, {"temperature": 2.0}),
    ("temperature", 3, {"temperature": 2.0}),
    ("temperature", -1, {"temperature": 0.0}),
    ("top_k", 40, {"top_k": 40}),
    ("top_k", 40.0, {"top_k": 40}),
    ("top_k", 0, {"top_k": 0}),
    ("top_k", -5, {"top_k": 0}),
    ("top_p", 0.9, {"top_p": 0.9}),
    ("top_p", 1, {"top_p": 1.0}),
    ("top_p", 0, {"top_p": 1e-6}),
    ("top_p", -1, {"top_p": 1e-6}),
    ("top_p", 7, {"top_p": 1.0}),
    ("min_p", 0.05, {"min_p": 0.05}),
    ("min_p", -1, {"min_p": 0.0}),
    ("min_p", 2, {"min_p": 1.0}),
    ("repeat_penalty", 1.1, {"repetition_penalty": 1.1}),
    ("repeat_penalty", 0, {}),
    ("repeat_penalty", -1, {}),
    ("repeat_last_n", 0, {"repetition_penalty": 1.0}),
    ("repeat_last_n", 64, {}),
    ("repeat_last_n", -1, {}),
    ("presence_penalty", 0.5, {"presence_penalty": 0.5}),
    ("presence_penalty", 3, {"presence_penalty": 2.0}),
    ("presence_penalty", -3, {"presence_penalty": -2.0}),
    ("frequency_penalty", 0.5, {"frequency_penalty": 0.5}),
    ("frequency_penalty", 3, {"frequency_penalty": 2.0}),
    ("frequency_penalty", -3, {"frequency_penalty": -2.0}),
    ("seed", 42, {"seed": 42}),
    ("seed", 42.0, {"seed": 42}),
    ("seed", 0, {"seed": 0}),
    ("seed", -1, {}),
    ("seed", 2**64, {"seed": 2**63 - 1}),
    ("stop", ["a", "b"], {"stop": ["a", "b"]}),
    ("stop", [], {"stop": []}),
    ("typical_p", 0.5, {}),
    ("num_ctx", 8192, {}),
    ("num_keep", 4, {}),
    ("num_batch", 512, {}),
    ("num_gpu", 1, {}),
    ("main_gpu", 0, {}),
    ("num_thread", 8, {}),
    ("use_mmap", True, {}),
    ("draft_num_predict", 4, {}),
]


@pytest.mark.parametrize(("name", "value", "fields"), CONVERSIONS)
def test_an_option_becomes_a_field(name: str, value: Any, fields: dict[str, Any]):
    sent = sampling({name: value}, TARGET)
    assert sent == fields
    assert [type(value) for value in sent.values()] == [type(value) for value in fields.values()]


def test_every_option_is_in_this_table():
    assert {name for name, _, _ in CONVERSIONS} == set(BY_NAME)


WRONG = {
    "integer": ["5", True, [1], {}],
    "float32": ["0.5", False, [0.5], {}],
    "boolean": ["true", 1, 0.0, [], {}],
    "array": ["x", 1, True, {}],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(option.name, value) for option in OPTIONS for value in WRONG[option.kind]],
)
def test_a_wrong_kind_is_refused_in_ollamas_words(name: str, value: Any):
    with pytest.raises(BadOption) as refused:
        sampling({name: value}, TARGET)
    assert refused.value.message == f'option "{name}" must be of type {BY_NAME[name].kind}'
    assert refused.value.status == 500


@pytest.mark.parametrize("value", [[1], ["a", None], [["a"]], ["a", {}]])
def test_a_stop_list_of_something_else(value: list[Any]):
    with pytest.raises(BadOption) as refused:
        sampling({"stop": value}, TARGET)
    assert refused.value.message == 'option "stop" must be of an array of strings'


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_null_is_the_same_as_absent(option):
    assert sampling({option.name: None}, TARGET) == {}


@pytest.mark.parametrize("name", [*DROPPED_BY_OLLAMA, "useMLock", "numCtx", "", "Temperature"])
@pytest.mark.parametrize("value", [1, "x", None, [], {}])
def test_unknown_options_are_ignored(name: str, value: Any):
    assert sampling({name: value}, TARGET) == {}


def test_what_nobody_set_is_not_sent():
    assert sampling({}, TARGET) == {}


def test_without_a_known_context_num_predict_is_not_cut():
    assert sampling({"num_predict": 10**6}, Target("m")) == {"max_tokens": 10**6}


def test_the_clients_options_lie_over_the_models():
    target = Target("m", 4096, {"temperature": 0.1, "top_k": 5, "stop": ["x"]})
    assert sampling({}, target) == {"temperature": 0.1, "top_k": 5, "stop": ["x"]}
    assert sampling({"temperature": 0.9, "stop": ["y"]}, target) == {
        "temperature": 0.9,
        "top_k": 5,
        "stop": ["y"],
    }
    assert sampling({"temperature": None, "stop": []}, target) == {
        "temperature": 0.1,
        "top_k": 5,
        "stop": [],
    }
    assert sampling({"num_predict": -1}, Target("m", 4096, {"num_predict": 100})) == {}


def test_a_window_of_nothing_turns_the_penalty_off():
    assert sampling({"repeat_penalty": 1.5, "repeat_last_n": 0}, TARGET) == {
        "repetition_penalty": 1.0
    }
    assert sampling({"repeat_last_n": 0, "repeat_penalty": 1.5}, TARGET) == {
        "repetition_penalty": 1.0
    }
    assert sampling({"repeat_penalty": 1.5, "repeat_last_n": 64}, TARGET) == {
        "repetition_penalty": 1.5
    }


def test_ollamas_own_defaults_are_legal_options():
    assert sampling(OLLAMA_DEFAULTS, TARGET) == {"temperature": 0.8, "top_k": 40, "top_p": 0.9}


def test_every_row_tells_what_becomes_of_it():
    assert len(BY_NAME) == len(OPTIONS)
    assert not set(BY_NAME) & set(DROPPED_BY_OLLAMA)
    for option in OPTIONS:
        assert option.note
        told = option.note.endswith("ignored") or option.name == "num_keep"
        assert option.field is not None or told


@given(st.sampled_from(OPTIONS), JSON.filter(lambda value: value is not None))
def test_any_value_is_of_the_kind_or_refused(option, value: Any):
    kinds = {"integer": int, "float32": float, "boolean": bool, "array": list}
    try:
        result = checked(option, value)
    except BadOption:
        return
    assert type(result) is kinds[option.kind]


NUMERIC = [option.name for option in OPTIONS if option.kind in ("integer", "float32")]


@given(
    st.dictionaries(
        st.sampled_from(NUMERIC),
        st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False)),
    ),
    st.sampled_from([None, 4096]),
)
def test_any_number_becomes_what_the_engine_accepts(options: dict[str, Any], context: int | None):
    sent = sampling(options, Target("m", context))
    orjson.dumps(sent)  # no integer beyond 64 bits
    assert 1 <= sent.get("max_tokens", 1) <= (context or 2**63)
    assert 0 <= sent.get("temperature", 0) <= 2
    assert sent.get("top_k", 0) >= 0
    assert 0 < sent.get("top_p", 1) <= 1
    assert 0 <= sent.get("min_p", 0) <= 1
    assert sent.get("repetition_penalty", 1) > 0
    assert -2 <= sent.get("presence_penalty", 0) <= 2
    assert -2 <= sent.get("frequency_penalty", 0) <= 2
    assert 0 <= sent.get("seed", 0) < 2**63
