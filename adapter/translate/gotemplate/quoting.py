"""Go's literals: quoted strings both ways, and numbers read."""

from __future__ import annotations

import re

_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
}
_SHORT = {ord(character): f"\\{letter}" for letter, character in _ESCAPES.items()}
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"])|([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|)"
)
_LONGEST_NUMBER = 100
_OCTAL = re.compile(r"([+-]?)0_?([0-7][0-7_]*)")


def quote(text: str) -> str:
    """The text in double quotes, as `%q` prints it."""
    short = text.translate({**_SHORT, ord('"'): '\\"'})
    if short.isascii() and short.isprintable():
        return f'"{short}"'
    return f'"{"".join(map(_visible, short))}"'


def quote_rune(code: int) -> str:
    """A number as the character that it stands for, in single quotes."""
    character = chr(code) if 0 <= code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"
    if character == "'":
        return "'\\''"
    return f"'{_visible(_SHORT.get(ord(character), character))}'"


def _visible(character: str) -> str:
    code = ord(character[0])
    if len(character) > 1 or character.isprintable():
        return character
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def unquote(literal: str) -> str:
    """The text of a literal in double quotes, single quotes or backquotes.

    Raises:
        ValueError: with Go's text, `invalid syntax`.
    """
    mark, inner = literal[0], literal[1:-1]
    if mark == "`":
        return inner.replace("\r", "")
    parts: list[bytes] = []
    at = 0
    for found in _ESCAPE.finditer(inner):
        parts += [_utf8(inner[at : found.start()]), _escaped(found, mark)]
        at = found.end()
    return b"".join([*parts, _utf8(inner[at:])]).decode("utf-8", "replace")


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _escaped(found: re.Match[str], mark: str) -> bytes:
    letter, octal, hexadecimal, short, long = found.groups()
    if letter in ("'", '"') and letter == mark:
        return letter.encode()
    if letter in _ESCAPES:
        return _ESCAPES[letter].encode()
    if octal and int(octal, 8) < 256:
        return bytes([int(octal, 8)])
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    code = int(short or long or "-1", 16)
    if not 0 <= code < 0x110000 or 0xD800 <= code < 0xE000:
        raise ValueError("invalid syntax")
    return chr(code).encode()


def read_rune(literal: str) -> int:
    """The number of a character in single quotes.

    Raises:
        ValueError: it isn't one character.
    """
    text = unquote(literal)
    if len(text) != 1:
        raise ValueError(f"malformed character constant: {literal}")
    return ord(text)


def read_number(literal: str) -> int | float:
    """The value of a number as Go writes it; complex ones are not read.

    Raises:
        ValueError: with Go's text.
    """
    if len(literal) > _LONGEST_NUMBER:
        raise ValueError(f"illegal number syntax: {quote(literal[:10])}...")
    integer = _integer(literal)
    if integer is not None and -(2**63) <= integer < 2**63:
        return integer
    real = _real(literal)
    if real is None:
        raise ValueError(f"illegal number syntax: {quote(literal)}")
    if not set(".eEpP") & set(literal) or integer is not None:
        raise ValueError(f"integer overflow: {quote(literal)}")
    return real


def _integer(literal: str) -> int | None:
    try:
        if found := _OCTAL.fullmatch(literal):
            return int(f"{found[1]}0o{found[2]}", 0)
        return int(literal, 0)
    except ValueError:
        return None


def _real(literal: str) -> float | None:
    try:
        if "x" in literal.lower():
            return float.fromhex(literal.replace("_", "")) if "p" in literal.lower() else None
        real = float(literal)
    except (ValueError, OverflowError):
        return None
    return None if real in (float("inf"), float("-inf")) else real
