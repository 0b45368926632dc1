from __future__ import annotations

import pytest

from adapter.translate.gotemplate.values import (
    Array,
    Record,
    Table,
    truth,
    type_name,
    utf8,
    weight,
)


@pytest.mark.parametrize(
    "value", [None, False, 0, 0.0, "", Array("[]string"), Table("map[string]string", {})]
)
def test_zero_values_are_false(value):
    assert truth(value) is False


@pytest.mark.parametrize(
    "value",
    [True, -1, 0.5, " ", Array("[]string", (None,)), Table("m", {"a": None}), Record("T", {})],
)
def test_all_others_are_true(value):
    assert truth(value) is True


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "interface {}"),
        (True, "bool"),
        (1, "int"),
        (1.0, "float64"),
        ("", "string"),
        (Array("[]string"), "[]string"),
        (Record("api.Tool", {}), "api.Tool"),
    ],
)
def test_types_by_their_names_in_go(value, name):
    assert type_name(value) == name


def test_weight_counts_all_that_is_inside():
    inner = Array("[]interface {}", (1, 2, None))
    assert [weight(value) for value in (1, inner)] == [1, 4]
    assert weight(Record("T", {"A": inner, "B": Table("m", {"a": "x"})})) == 1 + 4 + 2


def test_lone_surrogates_have_bytes_too():
    assert utf8("é\ud800") == b"\xc3\xa9?"
