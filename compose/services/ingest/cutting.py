"""A reading → passages of about one size, cut where the text pauses.

A cut is made at the last pause of the best kind there is: between paragraphs, lines, sentences,
words; and only where there is none, within a word.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from services.ingest.reading import Reading
from services.store.model import NewPassage

VERSION = "1"
"""Of the way to cut: with another one, files that didn't change are cut anew."""

_PAUSES = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"[.!?。]\s+"), re.compile(r"\s+"))


@dataclass(frozen=True)
class Size:
    """In characters, as OPEA counts; a token is about four of English."""

    most: int = 1500
    overlap: int = 100

    @property
    def recipe(self) -> str:
        return f"{VERSION}:{self.most}:{self.overlap}"


def cut(name: str, reading: Reading, size: Size) -> list[NewPassage]:
    passages: list[NewPassage] = []
    for section in reading.sections:
        header = header_of(name, reading.title, section.path)
        metadata = {} if section.page is None else {"page": section.page}
        passages += [
            NewPassage(text, header, metadata, key_of(header, text))
            for text in pieces(section.text, size)
        ]
    return passages


def header_of(name: str, title: str, path: tuple[str, ...]) -> str:
    """The file's name and what the text stands below, each once."""
    parts = dict.fromkeys([title, *path])
    return " > ".join(part for part in [name, *parts] if part)


def key_of(header: str, text: str) -> str:
    return hashlib.sha256(f"{header}\n{text}".encode()).hexdigest()[:32]


def pieces(text: str, size: Size) -> Iterator[str]:
    start, text = 0, text.strip()
    while start < len(text):
        end = len(text) if len(text) - start <= size.most else pause(text, start, size.most)
        piece = text[start:end].strip()
        if piece:
            yield piece
        if end >= len(text):
            return
        start = max(resumed(text, end - size.overlap, end), start + 1)


def pause(text: str, start: int, most: int) -> int:
    """Where to end a piece: not in its first half, so that no piece is a scrap."""
    low, high = start + most // 2, start + most
    for kind in _PAUSES:
        ends = [found.end() for found in kind.finditer(text, low, high)]
        if ends:
            return ends[-1]
    return high


def resumed(text: str, at: int, end: int) -> int:
    """Where the next piece begins: at a word, within the overlap."""
    if at >= end:
        return end
    found = _PAUSES[-1].search(text, max(at - 1, 0), end)
    return found.end() if found else end
