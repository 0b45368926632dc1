"""A file's bytes → its text in sections. One reader for each kind of file.

A *reader* is a pure function `read(name, data) -> Reading` that raises Refused, with one sentence
for who sent the file, where it can't read it. To add a kind: a module with such a function, and
its row in kinds.READERS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.errors import Refused


@dataclass(frozen=True)
class Section:
    """Text that belongs together. `path`: the headings above it, the outermost first."""

    text: str
    path: tuple[str, ...] = ()
    page: int | None = None


@dataclass(frozen=True)
class Reading:
    kind: str
    sections: Sequence[Section]
    title: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


Reader = Callable[[str, bytes], Reading]


def text_of(name: str, data: bytes) -> str:
    """UTF-8, with or without a mark, or UTF-16 with one.

    Raises:
        Refused: it is neither, or there is nothing in it.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise Refused(f"{name}: the text is not in UTF-8") from None
    if "\0" in text:
        raise Refused(f"{name}: this is no text")
    if not text.strip():
        raise Refused(f"{name}: the file is empty")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def plain(name: str, data: bytes) -> Reading:
    return Reading("text", [Section(text_of(name, data))])
