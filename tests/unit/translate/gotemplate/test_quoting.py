from __future__ import annotations

import pytest
from hypothesis import given

from adapter.translate.gotemplate.quoting import (
    quote,
    quote_rune,
    read_number,
    read_rune,
    unquote,
)
from tests.unit.strategies import TEXTS


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", '""'),
        ("plain", '"plain"'),
        ('say "hi"', '"say \\"hi\\""'),
        ("a\tb\nc\\", '"a\\tb\\nc\\\\"'),
        ("é🙂", '"é🙂"'),
        ("\x00\x1b\x7f", '"\\x00\\x1b\\x7f"'),
        ("\u2028", '"\\u2028"'),
    ],
)
def test_quoting(text, quoted):
    assert quote(text) == quoted


@given(TEXTS)
def test_a_quoted_text_reads_as_itself(text):
    assert unquote(quote(text)) == text


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ('"a\\x41\\101\\u00e9\\U0001f642"', "aAAé🙂"),
        ('"\\a\\b\\f\\n\\r\\t\\v\\\\\\""', '\a\b\f\n\r\t\v\\"'),
        ("`raw \\n\r\n`", "raw \\n\n"),
        ('"\\xc3\\xa9"', "é"),
        ('"\\xff"', "\ufffd"),
    ],
)
def test_unquoting(literal, text):
    assert unquote(literal) == text


@pytest.mark.parametrize("literal", ['"\\q"', '"\\\'"', '"\\x4"', '"\\ud800"', '"\\400"'])
def test_an_escape_that_is_none(literal):
    with pytest.raises(ValueError, match=r"^invalid syntax$"):
        unquote(literal)


@pytest.mark.parametrize(("literal", "code"), [("'a'", 97), ("'é'", 233), ("'\\n'", 10)])
def test_a_character(literal, code):
    assert read_rune(literal) == code


@pytest.mark.parametrize("literal", ["''", "'ab'"])
def test_a_character_that_is_none(literal):
    with pytest.raises(ValueError, match=r"malformed character constant"):
        read_rune(literal)


@pytest.mark.parametrize(
    ("code", "quoted"),
    [(97, "'a'"), (39, "'\\''"), (10, "'\\n'"), (0, "'\\x00'"), (0x110000, "'\ufffd'")],
)
def test_a_code_as_a_character(code, quoted):
    assert quote_rune(code) == quoted


@pytest.mark.parametrize(
    ("literal", "number"),
    [
        ("0", 0),
        ("-12", -12),
        ("+5", 5),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0b101", 5),
        ("0o17", 15),
        ("017", 15),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("0x1p-2", 0.25),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_a_number(literal, number):
    read = read_number(literal)
    assert (read, type(read)) == (number, type(number))


@pytest.mark.parametrize(
    ("literal", "message"),
    [
        ("089", 'integer overflow: "089"'),
        ("9223372036854775808", 'integer overflow: "9223372036854775808"'),
        ("-", 'illegal number syntax: "-"'),
        ("1__0", 'illegal number syntax: "1__0"'),
        ("1e999", 'illegal number syntax: "1e999"'),
        ("0x", 'illegal number syntax: "0x"'),
        ("3i", 'illegal number syntax: "3i"'),
        ("9" * 5000, 'illegal number syntax: "9999999999"...'),
    ],
)
def test_a_number_that_is_none(literal, message):
    with pytest.raises(ValueError) as caught:
        read_number(literal)
    assert str(caught.value) == message
