from __future__ import annotations

from typing import Any

import pytest

from adapter.conformance.values import (
    MISSING,
    SHOWN,
    compare,
    dig,
    each,
    is_integer,
    is_number,
    is_rfc3339,
    nulls,
    shown,
    unless,
)


@pytest.mark.parametrize(
    ("want", "good", "bad"),
    [
        ("$str", "", 1),
        ("$int", 0, 1.0),
        ("$int", -3, True),
        ("$posint", 1, 0),
        ("$num", 0.5, "0.5"),
        ("$num", 2, False),
        ("$bool", False, 0),
        ("$list", [], {}),
        ("$obj", {}, None),
        ("$rfc3339", "2026-11-21T10:00:00.5Z", "2026-11-21T10:00:00.5"),
        ("~^a+$", "aa", "ab"),
        ("~a", "bab", 5),
        ("text", "text", "Text"),
        (1, 1.0, 2),
        (1, 1, True),
        (True, True, 1),
        (None, None, MISSING),
        ({"a": 1}, {"a": 1, "b": 2}, {"b": 2}),
        ({}, {"a": 1}, []),
        ({"a": {"b": "$int"}}, {"a": {"b": 1}}, {"a": {"b": "1"}}),
        ([1], [1, 2], []),
        ([], [1], "no list"),
        ([{"a": 1}], [{"a": 1, "b": 2}], [{"a": 2}]),
    ],
)
def test_what_matches_and_what_does_not(want: Any, good: Any, bad: Any):
    assert compare(want, good) == []
    assert len(compare(want, bad)) == 1


def test_a_fault_tells_where_what_was_expected_and_what_came():
    assert compare({"a": [{"b": "$int"}]}, {"a": [{"b": 1.5}]}) == [
        "body.a[0].b: expected $int, got 1.5"
    ]
    assert compare({"a": 1}, {}, "chunk 3") == ["chunk 3.a: expected 1, got missing"]
    assert compare({"a": 1, "b": 2}, {"a": 2, "b": 1}) == [
        "body.a: expected 1, got 2",
        "body.b: expected 2, got 1",
    ]


def test_every_item():
    assert each("$int", [1, 2], "list") == []
    assert each("$int", [1, "2", None], "list") == [
        "list[1]: expected $int, got '2'",
        "list[2]: expected $int, got None",
    ]
    assert each("$int", {"a": 1}, "list") == ["list: expected a list, got {'a': 1}"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a", {"b": [10, {"c": None}]}),
        ("a.b.0", 10),
        ("a.b.1.c", None),
        ("a.b.2", MISSING),
        ("a.b.x", MISSING),
        ("a.x", MISSING),
        ("a.b.0.c", MISSING),
    ],
)
def test_digging(path: str, found: Any):
    assert dig({"a": {"b": [10, {"c": None}]}}, path) == found


def test_places_of_null():
    value = {"a": None, "b": [1, {"c": None}], "d": 0, "e": ""}
    assert list(nulls(value)) == ["body.a", "body.b[1].c"]
    assert list(nulls(None, "chunk 0")) == ["chunk 0"]


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("2026-11-21T10:00:00Z", True),
        ("2026-11-21T10:00:00.123456789+01:00", True),
        ("2026-11-21T10:00:00", False),
        ("2026-11-21 10:00:00Z", False),
        ("2026-11-21T10:00:00Z ", False),
        (1795231440, False),
    ],
)
def test_dates(text: Any, good: bool):
    assert is_rfc3339(text) is good


def test_a_truth_is_no_number():
    assert [is_number(value) for value in (1, 1.5, True, "1")] == [True, True, False, False]
    assert [is_integer(value) for value in (1, 1.5, True)] == [True, False, False]


def test_long_values_are_cut():
    assert shown("a") == "'a'"
    assert len(shown("a" * 5000)) == SHOWN
    assert shown("a" * 5000).endswith(" …")


def test_a_fault_unless_all_is_well():
    assert unless(True, "fault") == []
    assert unless(False, "fault") == ["fault"]
