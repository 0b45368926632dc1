"""A file's bytes → its text in sections. One reader for each kind of file.

A *reader* is a pure function `read(name, data) -> Reading` that raises Refused, with one sentence
for who sent the file, where it can't read it. To add a kind: a module with such a function, and
its row in kinds.READERS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.errors import Refused

GUESSED = "not in UTF-8: read as Windows-1252"
_BINARY = bytes([*range(0x09), *range(0x0E, 0x1B)])
_UNSEEN = re.compile(
    "[\0-\x08\x0b\x0e-\x1f\x7f\xad\ud800-\udfff\ufeff\ufffe\uffff\U000e0000-\U000e007f]"
)
"""What no store or engine takes (NUL, halves of surrogates), and what nobody sees."""
_UNSEEN_ASCII = bytes(code for code in range(128) if _UNSEEN.match(chr(code)))


@dataclass(frozen=True)
class Section:
    """Text that belongs together. `path`: the headings above it, the outermost first.

    Paragraphs are apart by an empty line. Lines that begin with `|` are a table's rows; what stands
    between lines of ``` is code.
    """

    text: str
    path: tuple[str, ...] = ()
    page: int | None = None


@dataclass(frozen=True)
class Reading:
    kind: str
    sections: Sequence[Section]
    title: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    remark: str = ""
    """What who sent it should know, though it could be read."""


Reader = Callable[[str, bytes], Reading]


def text_of(name: str, data: bytes) -> tuple[str, str]:
    """The text, and a remark where its encoding is a guess.

    UTF-8, with or without a mark; UTF-16 with one; else Windows-1252.

    Raises:
        Refused: it is none of these, or there is nothing in it.
    """
    encoding, remark = "utf-8-sig", ""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text, remark = _western(name, data), GUESSED
    if _is_binary(text):
        raise Refused(f"{name}: this is no text")
    if not text.strip():
        raise Refused(f"{name}: the file is empty")
    return text.replace("\r\n", "\n").replace("\r", "\n"), remark


def _is_binary(text: str) -> bool:
    data = text.encode()
    return len(data.translate(None, _BINARY)) < len(data)


def _western(name: str, data: bytes) -> str:
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        raise Refused(f"{name}: this is no text in UTF-8, UTF-16 or Windows-1252") from None


def clean(text: str) -> str:
    """Without what can't be stored and what can't be seen; a page's end is a line's."""
    text = text.replace("\f", "\n")
    if text.isascii():  # most are, and this is ten times faster
        return text.encode().translate(None, _UNSEEN_ASCII).decode()
    return _UNSEEN.sub("", text)


def plain(name: str, data: bytes) -> Reading:
    text, remark = text_of(name, data)
    return Reading("text", [Section(text)], remark=remark)
