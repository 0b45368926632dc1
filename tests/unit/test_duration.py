"""Durations, with the texts of Go's time.ParseDuration."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.duration import FOREVER, duration_seconds, keep_alive_seconds
from tests.unit.strategies import JSON, TEXTS


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("-0", 0),
        ("+0", 0),
        ("0s", 0),
        ("5s", 5),
        ("5m", 300),
        ("+5m", 300),
        ("-5m", -300),
        ("1h30m", 5400),
        ("-1h30m", -5400),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("1.s", 1),
        ("100ms", 0.1),
        ("1h15m30.918s", 4530.918),
        ("5us", 5e-6),
        ("5\u00b5s", 5e-6),
        ("5\u03bcs", 5e-6),
        ("7ns", 7e-9),
        ("1m1m", 120),
    ],
)
def test_a_go_duration(text: str, seconds: float):
    assert duration_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
        ("+", 'time: invalid duration "+"'),
        (".", 'time: invalid duration "."'),
        (".s", 'time: invalid duration ".s"'),
        ("s", 'time: invalid duration "s"'),
        ("--5s", 'time: invalid duration "--5s"'),
        ("+-5s", 'time: invalid duration "+-5s"'),
        (" 5s", 'time: invalid duration " 5s"'),
        ("forever", 'time: invalid duration "forever"'),
        ("-1", 'time: missing unit in duration "-1"'),
        ("5", 'time: missing unit in duration "5"'),
        ("300", 'time: missing unit in duration "300"'),
        ("0.0", 'time: missing unit in duration "0.0"'),
        ("1h5", 'time: missing unit in duration "1h5"'),
        ("1..5s", 'time: missing unit in duration "1..5s"'),
        ("5x", 'time: unknown unit "x" in duration "5x"'),
        ("5 s", 'time: unknown unit " s" in duration "5 s"'),
        ("5S", 'time: unknown unit "S" in duration "5S"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
        ("5m ", 'time: unknown unit "m " in duration "5m "'),
        ("1e3s", 'time: unknown unit "e" in duration "1e3s"'),
    ],
)
def test_what_is_no_duration(text: str, message: str):
    with pytest.raises(ValueError) as refused:
        duration_seconds(text)
    assert str(refused.value) == message


@pytest.mark.parametrize("text", ["\u0663s", "\u00b2s", "\uff15m"])
def test_digits_are_those_of_ascii(text: str):
    with pytest.raises(ValueError) as refused:
        duration_seconds(text)
    assert str(refused.value).startswith("time: invalid duration")


@pytest.mark.parametrize("text", ["9999999h", "-9999999h", "99999999999999999999s"])
def test_what_go_cannot_hold_is_refused(text: str):
    with pytest.raises(ValueError) as refused:
        duration_seconds(text)
    assert str(refused.value) == f'time: invalid duration "{text}"'


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        (0, 0.0),
        (0.0, 0.0),
        (300, 300.0),
        (1.5, 1.5),
        (-1, FOREVER),
        (-1.0, FOREVER),
        (-0.5, FOREVER),
        ("5m", 300.0),
        ("0", 0.0),
        ("-1m", FOREVER),
    ],
)
def test_keep_alive(value: Any, seconds: float | None):
    assert keep_alive_seconds(value) == seconds


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "Unsupported type: 'bool'"),
        (False, "Unsupported type: 'bool'"),
        ([], "Unsupported type: '[]interface {}'"),
        ({}, "Unsupported type: 'map[string]interface {}'"),
        ("-1", 'time: missing unit in duration "-1"'),
    ],
)
def test_a_keep_alive_of_another_kind(value: Any, message: str):
    with pytest.raises(ValueError) as refused:
        keep_alive_seconds(value)
    assert str(refused.value) == message


@given(st.one_of(JSON, TEXTS, st.from_regex(r"[-+]?[0-9.]{0,4}(h|m|s|ms|x)?", fullmatch=True)))
def test_any_value_is_seconds_or_refused(value: Any):
    try:
        seconds = keep_alive_seconds(value)
    except ValueError:
        return
    assert seconds is None or seconds >= 0


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_hours_minutes_and_seconds(hours: int, minutes: int, seconds: int):
    whole = hours * 3600 + minutes * 60 + seconds
    assert duration_seconds(f"{hours}h{minutes}m{seconds}s") == whole
    assert duration_seconds(f"-{hours}h{minutes}m{seconds}s") == -whole
    assert math.isfinite(duration_seconds(f"{whole}s"))
