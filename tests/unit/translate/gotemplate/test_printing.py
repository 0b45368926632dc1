from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.translate.gotemplate.printing import formatted, joined, real, text, to_json
from adapter.translate.gotemplate.values import Array, Record, Table

LIST = Array("[]interface {}", (1.0, "a", None, Array("[]string")))
MAP = Table("map[string]interface {}", {"a": "x", "b": 1.0})
SPOKEN = Table("template.templateArgs", {"a": "<x>"}, spoken=True)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (None, "<nil>"),
        (True, "true"),
        (-3, "-3"),
        ("a b", "a b"),
        (LIST, "[1 a <nil> []]"),
        (MAP, "map[a:x b:1]"),
        (Record("T", {"A": "x", "B": LIST}), "{x [1 a <nil> []]}"),
        (SPOKEN, '{"a":"\\u003cx\\u003e"}'),
        (Table("template.templateArgs", {}, spoken=True, nil=True), "{}"),
        (Array("api.PropertyType", ("string",), single=True), "string"),
        (Array("api.PropertyType", (), single=True), ""),
        (Array("api.PropertyType", ("string", "null"), single=True), "[string null]"),
    ],
)
def test_plain(value, printed):
    assert text(value) == printed


@pytest.mark.parametrize(
    ("number", "printed"),
    [
        (5.0, "5"),
        (0.0, "0"),
        (-3.25, "-3.25"),
        (100.0, "100"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1.5e-7, "1.5e-07"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (-1.25e100, "-1.25e+100"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_floats(number, printed):
    assert real(number) == printed


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_reads_as_itself(number):
    assert float(real(number)) == number
    assert float(json.loads(to_json(number))) == number


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (5.0, "5"),
        (1e-7, "1e-7"),
        (0.00001, "0.00001"),
        (1e21, "1e+21"),
        ('a"<&>\u2028é', '"a\\"\\u003c\\u0026\\u003e\\u2028é"'),
        (LIST, '[1,"a",null,[]]'),
        (MAP, '{"a":"x","b":1}'),
        (Array("[]string", nil=True), "null"),
        (Array("api.PropertyType", ("string",), single=True), '"string"'),
        (Array("api.PropertyType", ("a", "b"), single=True), '["a","b"]'),
        (Record("T", {"A": 1, "B": ""}), '{"A":1,"B":""}'),
        (
            Record(
                "T",
                {"A": None, "B": "", "C": Array("[]string"), "D": Table("m", {}), "E": "x"},
                {
                    "A": ("a", "omit nil"),
                    "B": ("b", "omit empty"),
                    "C": ("c", "omit empty"),
                    "D": ("d", "omit empty"),
                    "E": ("e", "keep"),
                },
            ),
            '{"e":"x"}',
        ),
    ],
)
def test_json(value, encoded):
    assert to_json(value) == encoded


@pytest.mark.parametrize(
    ("values", "printed"),
    [
        ([], ""),
        ([1, 2], "1 2"),
        (["a", "b"], "ab"),
        ([1, "a", 2], "1a2"),
        ([None, True], "<nil> true"),
    ],
)
def test_a_blank_between_two_that_are_no_strings(values, printed):
    assert joined(values) == printed


@pytest.mark.parametrize(
    ("form", "values", "printed"),
    [
        ("%s-%d|%v%%", ["a", 1, 2.5], "a-1|2.5%"),
        ("%q %q", ['"', 97], '"\\"" \'a\''),
        ("%t", [True], "true"),
        ("%s", [LIST], "[%!s(float64=1) a <nil> []]"),
        ("%v", [None], "<nil>"),
        ("%s", [None], "%!s(<nil>)"),
        ("%d", ["x"], "%!d(string=x)"),
        ("%d", [True], "%!d(bool=true)"),
        ("%s %s", ["a"], "a %!s(MISSING)"),
        ("x", ["a", None], "x%!(EXTRA string=a, <nil>)"),
        ("100%", [], "100%!(NOVERB)"),
        ("%s", [SPOKEN], '{"a":"\\u003cx\\u003e"}'),
        ("%v", [MAP], "map[a:x b:1]"),
    ],
)
def test_forms(form, values, printed):
    assert formatted(form, values) == printed


@pytest.mark.parametrize("form", ["%x", "%5d", "%+v", "%é"])
def test_a_verb_that_is_not_supported(form):
    with pytest.raises(ValueError, match=f"^verb {form[:2]} is not supported$".replace("+", "\\+")):
        formatted(form, [1])
