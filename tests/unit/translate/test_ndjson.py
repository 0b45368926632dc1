from __future__ import annotations

import json

import pytest
from hypothesis import given

from adapter.translate.ndjson import dumps, dumps_in_pieces, error_line, has_line_break
from tests.unit.strategies import JSON, TEXTS


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({"a": 1, "b": [None, True]}, b'{"a":1,"b":[null,true]}'),
        ("a\u2028b", b'"a\\u2028b"'),
        ("a\u2029b", b'"a\\u2029b"'),
        ("a\u0085b", b'"a\\u0085b"'),
        ({"\u2028": "\u2028"}, b'{"\\u2028":"\\u2028"}'),
        ("\u2026 \u00e9 <&>", '"\u2026 \u00e9 <&>"'.encode()),
        ("\n\r\t\x0b\x0c\x1c", b'"\\n\\r\\t\\u000b\\f\\u001c"'),
    ],
)
def test_literal_bytes(value: object, line: bytes):
    assert dumps(value) == line


@given(TEXTS)
def test_in_pieces_it_is_the_same(text: str):
    value = {"model": text, "rows": [text * 300, [1.5] * 300, {text: None}]}
    assert b"".join(dumps_in_pieces(value)) == dumps(value)


@given(TEXTS)
def test_a_text_is_one_line_by_every_rule_and_comes_back(text: str):
    line = dumps(text)
    assert json.loads(line) == text
    assert line.decode().splitlines() == [line.decode()]


@given(JSON.filter(lambda value: not isinstance(value, int)))
def test_any_value_of_64_bits_comes_back(value: object):
    try:
        line = dumps(value)
    except TypeError:  # an integer beyond 64 bits
        assert any(abs(number) >= 2**63 for number in _integers(value))
    else:
        assert json.loads(line) == value
        assert len(line.decode().splitlines()) == 1


def _integers(value: object) -> list[int]:
    if isinstance(value, dict):
        return _integers(list(value.values()))
    if isinstance(value, list):
        return [number for item in value for number in _integers(item)]
    return [value] if isinstance(value, int) else []


def test_has_line_break_never_misses_one():
    for character in "\u2028\u2029\u0085":
        assert has_line_break(f"a{character}".encode())
    assert not has_line_break("plain é\n".encode())


@given(TEXTS)
def test_an_error_is_a_line_with_one_key(message: str):
    line = error_line(message)
    assert line.endswith(b"}\n")
    assert len(line.decode().splitlines()) == 1
    assert json.loads(line) == {"error": message}
