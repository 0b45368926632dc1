from __future__ import annotations

from datetime import date

import pytest

from adapter.translate.gotemplate.data import tools_value
from adapter.translate.gotemplate.functions import FUNCTIONS, CallFailed, Surroundings
from adapter.translate.gotemplate.limits import Budget, TemplateError
from adapter.translate.gotemplate.values import Array, Record, Table

LIST = Array("[]string", ("a", "b", "c"))
MAP = Table("map[string]interface {}", {"a": 1.0})
ONE = Record("T", {"A": 1})


def call(name: str, *values: object, today: date | None = None) -> object:
    return FUNCTIONS[name].call(list(values), Surroundings(Budget(), today))


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("not", [""], True),
        ("not", [ONE], False),
        ("eq", ["a", "a"], True),
        ("eq", ["a", "b", "a"], True),
        ("eq", [1, 2], False),
        ("eq", [None, "a"], False),
        ("eq", [None, None], True),
        ("eq", [True, True], True),
        ("eq", [ONE, ONE], True),
        ("ne", ["a", "b"], True),
        ("lt", [1, 2], True),
        ("lt", ["b", "a"], False),
        ("le", [2, 2], True),
        ("gt", [2.5, 2.0], True),
        ("ge", [2, 2], True),
        ("len", ["é"], 2),
        ("len", [LIST], 3),
        ("len", [MAP], 1),
        ("index", [LIST, 1], "b"),
        ("index", [MAP, "a"], 1.0),
        ("index", [MAP, "b"], None),
        ("index", ["abc", 1], 98),
        ("index", [LIST], LIST),
        ("slice", ["abcd", 1, 3], "bc"),
        ("slice", ["héllo", 0, 3], "hé"),
        ("slice", ["héllo", 0, 2], "h\ufffd"),
        ("slice", ["abc"], "abc"),
        ("print", ["a", 1, 2], "a1 2"),
        ("println", ["a", 1], "a 1\n"),
        ("printf", ["%s=%d", "a", 1], "a=1"),
        ("json", [MAP], '{"a":1}'),
        ("json", [None], "null"),
        ("toTypeScriptType", ["x"], "any"),
    ],
)
def test_a_function(name, values, expected):
    assert call(name, *values) == expected


@pytest.mark.parametrize(("bounds", "items"), [([1], "bc"), ([0, 2], "ab"), ([1, 2, 3], "b")])
def test_a_slice_of_a_list(bounds, items):
    cut = call("slice", LIST, *bounds)
    assert isinstance(cut, Array)
    assert (cut.type, cut.items) == ("[]string", tuple(items))


def test_days():
    day = date(2026, 3, 1)
    assert call("currentDate", today=day) == "2026-03-01"
    assert call("yesterdayDate", "%Y", today=day) == "2026-02-28"


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["integer", "null"]}, "number | null"),
        ({"type": "object"}, "Record<string, any>"),
        ({"type": "array"}, "any[]"),
        ({"type": "x"}, "any"),
        ({}, "any"),
        ({"anyOf": [{"type": "boolean"}, {}]}, "boolean | any"),
    ],
)
def test_types_of_typescript(schema, name):
    (tool,) = tools_value([{"function": {"parameters": {"properties": {"a": schema}}}}]).items
    parameters = tool.fields["Function"].fields["Parameters"]
    assert call("toTypeScriptType", parameters.fields["Properties"].entries["a"]) == name


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("eq", ["a"], "missing argument for comparison"),
        ("eq", ["a", 1], "incompatible types for comparison: string and int"),
        ("eq", [LIST, LIST], "non-comparable types []string and []string"),
        ("lt", [None, 1], "invalid type for comparison"),
        ("lt", [True, False], "invalid type for comparison"),
        ("lt", ["a", 1], "incompatible types for comparison: string and int"),
        ("len", [3], "len of type int"),
        ("len", [None], "len of nil pointer"),
        ("index", [None, 1], "index of untyped nil"),
        ("index", [LIST, 4], "index out of range: 4"),
        ("index", [LIST, 3], "reflect: slice index out of range"),
        ("index", [LIST, "a"], "cannot index slice/array with type string"),
        ("index", [LIST, None], "cannot index slice/array with nil"),
        ("index", [MAP, 1], "value has type int; should be string"),
        ("index", [MAP, "b", 1], "index of nil pointer"),
        ("index", [3, 1], "can't index item of type int"),
        ("slice", [None], "slice of untyped nil"),
        ("slice", [3], "can't slice item of type int"),
        ("slice", ["abc", 2, 1], "invalid slice index: 2 > 1"),
        ("slice", ["abc", 0, 1, 2], "cannot 3-index slice a string"),
        ("slice", [LIST, 0, 3, 2], "invalid slice index: 3 > 2"),
        ("printf", ["%5d", 1], "verb %5 is not supported"),
        ("currentDate", [], "today's date is not known here"),
    ],
)
def test_what_a_function_cannot_do(name, values, message):
    with pytest.raises(CallFailed) as caught:
        call(name, *values)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["print", "println", "printf", "eq"])
def test_a_text_many_times_over_is_not_even_begun(name):
    with pytest.raises(TemplateError, match=r"characters$"):
        call(name, *["x" * 10**7] * 100)
