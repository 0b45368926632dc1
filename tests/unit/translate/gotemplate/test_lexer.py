from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.translate.gotemplate.lexer import Token, lex


def kinds(text: str) -> list[str]:
    return [token.kind for token in lex(text)]


def texts(text: str) -> list[str]:
    return [token.value for token in lex(text) if token.kind == "text"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a {{1}} b", ["a ", " b"]),
        ("a \n\t{{- 1}} b", ["a", " b"]),
        ("a {{1 -}} \r\n b", ["a ", "b"]),
        ("a {{- 1 -}} b", ["a", "b"]),
        ("a {{-\n1\n-}} b", ["a", "b"]),
        (" {{- 1 -}} ", []),
        ("a {{-1}} b", ["a ", " b"]),  # a number: the blank makes the mark
        ("a {{1 - }} b", ["a ", " b"]),
        ("a {{/* no */}} b", ["a ", " b"]),
        ("a {{- /* no\n */ -}} b", ["a", "b"]),
        ("a\u00a0{{- 1}}", ["a\u00a0"]),  # only ASCII blanks go
        ("{ { }} }", ["{ { }} }"]),
    ],
)
def test_trimming(text, kept):
    assert texts(text) == kept


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["EOF"]),
        ("{{.}}", ["{{", ".", "}}", "EOF"]),
        ("{{.A.B}}", ["{{", "field", "field", "}}", "EOF"]),
        ("{{$x := $}}", ["{{", "variable", "space", ":=", "space", "variable", "}}", "EOF"]),
        ("{{$x = 'a'}}", ["{{", "variable", "space", "=", "space", "rune", "}}", "EOF"]),
        ("{{f `a`}}", ["{{", "identifier", "space", "raw", "}}", "EOF"]),
        ('{{"b" }}', ["{{", "string", "space", "}}", "EOF"]),
        ("{{(1|f)}}", ["{{", "(", "number", "|", "identifier", ")", "}}", "EOF"]),
        ("{{if true}}", ["{{", "if", "space", "bool", "}}", "EOF"]),
        ("{{a,b}}", ["{{", "identifier", "char", "identifier", "}}", "EOF"]),
        ("{{nil}}{{end}}", ["{{", "nil", "}}", "{{", "end", "}}", "EOF"]),
    ],
)  # fmt: skip
def test_kinds(text, expected):
    assert kinds(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{", "unclosed action"),
        ("{{.Bad", "unclosed action"),
        ("{{/* x", "unclosed comment"),
        ("{{/* x */ }}", "comment ends before closing delimiter"),
        ("{{(1}}", "unclosed left paren"),
        ("{{1)}}", "unexpected right paren"),
        ('{{"a}}', "unterminated quoted string"),
        ('{{"a\\\n"}}', "unterminated quoted string"),
        ("{{'a}}", "unterminated character constant"),
        ("{{`a}}", "unterminated raw quoted string"),
        ("{{: 1}}", "expected :="),
        ("{{.A#}}", "bad character U+0023 '#'"),
        ("{{1x}}", 'bad number syntax: "1x"'),
        ("{{--2}}", 'bad number syntax: "--2"'),
        ("{{1+2i}}", 'bad number syntax: "1+2i"'),
        ("{{\x01}}", "unrecognized character in action: U+0001"),
        ("{{»}}", "unrecognized character in action: U+00BB '»'"),
    ],
)
def test_what_is_wrong(text, message):
    *_, wrong, end = lex(text)
    assert (wrong.kind, wrong.value, end.kind) == ("error", message, "EOF")


def test_places_and_lines():
    tokens = list(lex("a\n{{ .B }}\n{{- /*\n*/}}\nc"))
    assert [(token.kind, token.start, token.line) for token in tokens if token.kind != "space"] == [
        ("text", 0, 1),
        ("{{", 2, 2),
        ("field", 5, 2),
        ("}}", 8, 2),
        ("text", 22, 4),
        ("EOF", 24, 5),
    ]


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (Token("EOF", "EOF", 0, 1), "EOF"),
        (Token("end", "end", 0, 1), "<end>"),
        (Token("char", "#", 0, 1), '"#"'),
        (Token("string", '"a long string"', 0, 1), '"\\"a long st"...'),
    ],
)
def test_a_token_as_an_error_shows_it(token, shown):
    assert str(token) == shown


@given(st.text(st.sampled_from("{}-/*.$|()\"`'\\ \n:=,a1é#"), max_size=40))
def test_every_text_has_tokens_in_order(text):
    tokens = list(lex(text))
    assert tokens[-1].kind == "EOF"
    starts = [token.start for token in tokens]
    assert starts == sorted(starts)
