"""Template text → tokens, with the trimming of `{{-` and `-}}` done.

Kinds: text, {{, }}, (, ), |, =, :=, char, space, string, raw, number, rune, bool, field,
variable, identifier, the keywords by their own names (`.` and nil among them), error, EOF.
Source of the rules: the documentation of Go's text/template, and its words for errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from adapter.translate.gotemplate.quoting import quote

KEYWORDS = frozenset(
    ("block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template")
) | {"with"}
_BLANKS = " \t\r\n"
_AFTER_A_WORD = frozenset(" \t\r\n.,|:)(")
_SPACE = re.compile(r"[ \t\r\n]+")
_TRIMMING = re.compile(r"-[ \t\r\n]")
_CLOSING = re.compile(r"(?:[ \t\r\n]-)?\}\}")
_STRING = re.compile(r'"(?:\\[^\n]|[^"\\\n])*"')
_RUNE = re.compile(r"'(?:\\[^\n]|[^'\\\n])*'")
_NUMBER = re.compile(
    r"[+-]?(?:"
    r"0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?"
    r"|0[oO][0-7_]*(?:\.[0-7_]*)?"
    r"|0[bB][01_]*(?:\.[01_]*)?"
    r"|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?"
    r")i?"
)


class Token(NamedTuple):
    """`start` counts characters from 0, `line` from 1; an error's value is what is wrong."""

    kind: str
    value: str
    start: int
    line: int

    def __str__(self) -> str:
        if self.kind in ("EOF", "error"):
            return self.value
        if self.kind in KEYWORDS or self.kind == ".":
            return f"<{self.value}>"
        if len(self.value.encode("utf-8", "replace")) > 10:
            return f"{quote(self.value[:10])}..."
        return quote(self.value)


class _Wrong(Exception):
    """What is wrong; the token begins where the lexer stands."""


def lex(text: str) -> Iterator[Token]:
    """All tokens; the last is EOF, and the one before it an error if there is one."""
    return _Lexer(text).tokens()


def _in_a_word(character: str) -> bool:
    return character == "_" or character.isalpha() or character.isdecimal()


class _Lexer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0
        self._parentheses = 0

    def tokens(self) -> Iterator[Token]:
        try:
            while self._at < len(self._text):
                yield from self._text_before_action()
                yield from self._action()
        except _Wrong as wrong:
            yield self._token("error", str(wrong))
        yield self._token("EOF", "EOF")

    def _token(self, kind: str, value: str) -> Token:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return Token(kind, value, self._at, self._line)

    def _text_before_action(self) -> Iterator[Token]:
        found = self._text.find("{{", self._at)
        end = len(self._text) if found < 0 else found
        text = self._text[self._at : end]
        if self._trims_left(end + 2):
            text = text.rstrip(_BLANKS)
        if text:
            yield self._token("text", text)
        self._at = end

    def _action(self) -> Iterator[Token]:
        if self._at == len(self._text):
            return
        opening = self._token("{{", "{{")
        self._at += 4 if self._trims_left(self._at + 2) else 2
        if self._text.startswith("/*", self._at):
            self._skip_comment()
            return
        yield opening
        self._parentheses = 0
        while (closing := self._closing_length()) == 0:
            yield self._inside()
        if self._parentheses:
            raise _Wrong("unclosed left paren")
        # A closing mark's own blank and minus are no part of its token.
        self._at += closing - 2
        yield self._token("}}", "}}")
        self._at += 2
        if closing == 4:
            self._skip_blanks()

    def _trims_left(self, at: int) -> bool:
        return _TRIMMING.match(self._text, at) is not None

    def _closing_length(self) -> int:
        """Of the closing mark here: 2, or 4 where it trims; 0 if there is none."""
        found = _CLOSING.match(self._text, self._at)
        return found.end() - self._at if found else 0

    def _skip_blanks(self) -> None:
        if found := _SPACE.match(self._text, self._at):
            self._at = found.end()

    def _skip_comment(self) -> None:
        end = self._text.find("*/", self._at + 2)
        if end < 0:
            raise _Wrong("unclosed comment")
        beginning, self._at = self._at, end + 2
        closing = self._closing_length()
        if closing == 0:
            self._at = beginning
            raise _Wrong("comment ends before closing delimiter")
        self._at += closing
        if closing == 4:
            self._skip_blanks()

    def _inside(self) -> Token:
        if self._at == len(self._text):
            raise _Wrong("unclosed action")
        character = self._text[self._at]
        following = self._text[self._at + 1 : self._at + 2]
        if character in _BLANKS:
            return self._space()
        if character in "=|()":
            return self._mark(character)
        if character == ":":
            if following != "=":
                raise _Wrong("expected :=")
            return self._take(":=", 2)
        if character in "\"'`":
            return self._quoted(character)
        if character == "$" or (character == "." and not following.isdigit()):
            return self._field_or_variable(character)
        if character in "+-." or character in "0123456789":
            return self._number()
        if _in_a_word(character):
            return self._word()
        if " " < character <= "~":
            return self._take("char", 1)
        raise _Wrong(f"unrecognized character in action: {_named(character)}")

    def _take(self, kind: str, length: int) -> Token:
        token = self._token(kind, self._text[self._at : self._at + length])
        self._at += length
        return token

    def _space(self) -> Token:
        found = _SPACE.match(self._text, self._at)
        end = found.end() if found else self._at
        # The last blank may belong to a closing mark that trims.
        if self._text.startswith("-}}", end):
            end -= 1
        return self._take("space", end - self._at)

    def _mark(self, mark: str) -> Token:
        self._parentheses += {"(": 1, ")": -1}.get(mark, 0)
        if self._parentheses < 0:
            raise _Wrong("unexpected right paren")
        return self._take(mark, 1)

    def _quoted(self, mark: str) -> Token:
        if mark == "`":
            end = self._text.find("`", self._at + 1)
            if end < 0:
                raise _Wrong("unterminated raw quoted string")
            return self._take("raw", end + 1 - self._at)
        pattern = _STRING if mark == '"' else _RUNE
        found = pattern.match(self._text, self._at)
        if found is None:
            what = "quoted string" if mark == '"' else "character constant"
            raise _Wrong(f"unterminated {what}")
        return self._take("string" if mark == '"' else "rune", found.end() - self._at)

    def _word_end(self, at: int) -> int:
        while at < len(self._text) and _in_a_word(self._text[at]):
            at += 1
        ended = at == len(self._text) or self._text[at] in _AFTER_A_WORD
        if not ended and not self._text.startswith("}}", at):
            raise _Wrong(f"bad character {_named(self._text[at])}")
        return at

    def _field_or_variable(self, mark: str) -> Token:
        length = self._word_end(self._at + 1) - self._at
        if mark == "$":
            return self._take("variable", length)
        return self._take("field" if length > 1 else ".", length)

    def _word(self) -> Token:
        end = self._word_end(self._at)
        word = self._text[self._at : end]
        kind = "bool" if word in ("true", "false") else "identifier"
        return self._take(word if word in KEYWORDS else kind, end - self._at)

    def _number(self) -> Token:
        found = _NUMBER.match(self._text, self._at)
        end = found.end() if found else self._at
        # A sign goes on to a complex number, which is not read.
        if self._text.startswith(("+", "-"), end):
            imaginary = _NUMBER.match(self._text, end)
            end = imaginary.end() if imaginary else end
            complete = self._text[self._at : end]
        else:
            complete = ""
        if end < len(self._text) and _in_a_word(self._text[end]):
            complete = self._text[self._at : end + 1]
        if complete:
            raise _Wrong(f"bad number syntax: {quote(complete)}")
        return self._take("number", end - self._at)


def _named(character: str) -> str:
    shown = f" '{character}'" if character.isprintable() else ""
    return f"U+{ord(character):04X}{shown}"
