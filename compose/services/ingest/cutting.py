"""A reading → passages of about one size, cut where the text pauses.

Paragraphs, tables and code blocks that fit are kept whole, as many to a passage as fit. One that
does not is cut at the last pause of the best kind there is: a table and code between lines, a
paragraph between the points of a list, sentences, lines, words, and only where there is none,
within a word. What a cut tore is mended: a table's head and a code block's fences are repeated, a
paragraph's next piece begins with the end of the one before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from services.ingest import tokens
from services.ingest.reading import Reading, clean

VERSION = "2"
"""Of the way to cut: with another one, files that didn't change are cut anew."""

_PAUSES = (
    re.compile(r"\n(?=[ \t]*(?:[-*+•]|\d+[.)])[ \t])"),
    re.compile(r"[.!?][\"')\]]?\s+|[。\uff01\uff1f]"),
    re.compile(r"\n"),
    re.compile(r"\s+"),
)
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_RULER = frozenset("|-: \t")
_LONGEST_HEADING = 120
_GAP = "\n\n"
Unit = Literal["tokens", "characters"]


@dataclass(frozen=True)
class Size:
    """Of a passage. Characters are exact and those of its text, as OPEA counts; tokens are an
    estimate (see tokens.estimated) and those of its text and header, as it is embedded.
    """

    most: int = 384
    overlap: int = 32
    unit: Unit = "tokens"

    @property
    def recipe(self) -> str:
        return f"{VERSION}:{self.unit}:{self.most}:{self.overlap}"

    @property
    def of(self) -> Callable[[str], float]:
        return len if self.unit == "characters" else tokens.estimated

    def below(self, header: str) -> Size:
        """What is left for the text; at least half."""
        if self.unit == "characters":
            return self
        most = max(self.most - int(self.of(header)) - 1, self.most // 2)
        return replace(self, most=most, overlap=min(self.overlap, most // 2))


class Piece(NamedTuple):
    """A passage to be; its fields are those of a NewPassage."""

    text: str
    header: str
    metadata: dict[str, Any]
    key: str


def cut(name: str, reading: Reading, size: Size) -> Iterator[Piece]:
    title = shortened(clean(reading.title))
    for section in reading.sections:
        path = tuple(shortened(clean(heading)) for heading in section.path)
        header = header_of(name, title, path)
        metadata = {} if section.page is None else {"page": section.page}
        for text in pieces(clean(section.text), size.below(header)):
            yield Piece(text, header, metadata, key_of(header, text))


def header_of(name: str, title: str, path: tuple[str, ...]) -> str:
    """The file's name and what the text stands below, each once."""
    parts = dict.fromkeys([title, *path])
    return " > ".join(part for part in [name, *parts] if part)


def shortened(heading: str) -> str:
    flat = " ".join(heading.split())
    return flat if len(flat) <= _LONGEST_HEADING else f"{flat[:_LONGEST_HEADING]}…"


def key_of(header: str, text: str) -> str:
    return hashlib.sha256(f"{header}\n{text}".encode()).hexdigest()[:32]


def pieces(text: str, size: Size) -> Iterator[str]:
    held: list[str] = []
    filled, gap = 0.0, size.of(_GAP)
    for block in blocks(text):
        for part in fitting(block, size):
            cost = size.of(part)
            if held and filled + gap + cost > size.most:
                yield _GAP.join(held)
                held, filled = [], 0.0
            filled += cost + (gap if held else 0)
            held.append(part)
    if held:
        yield _GAP.join(held)


def blocks(text: str) -> Iterator[list[str]]:
    """Lines that stand together: a paragraph, a table's rows, or code with its fences."""
    held: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            held.append(line)
            if mark and mark[1].startswith(fence):
                yield held
                held, fence = [], ""
            continue
        parted = not line.strip() or mark or (held and is_row(line) != is_row(held[-1]))
        if parted and held:
            yield held
            held = []
        if line.strip():
            held.append(line)
        fence = mark[1] if mark else ""
    if held:
        yield held


def is_row(line: str) -> bool:
    return line.startswith("|")


def fitting(block: Sequence[str], size: Size) -> Iterator[str]:
    """The block, or the parts of one that is too long."""
    text = "\n".join(block).rstrip()
    if size.of(text) <= size.most:
        yield text if is_code(block) else text.strip()
    elif is_code(block):
        closed = len(block) > 1 and _FENCE.match(block[-1])
        foot = block[-1:] if closed else []
        yield from by_line(block[1 : len(block) - len(foot)], size, block[:1], foot)
    elif is_row(block[0]):
        head = block[:2] if len(block) > 2 and is_ruler(block[1]) else []
        yield from by_line(block[len(head) :], size, head, [])
    else:
        yield from sentences(text.strip(), size)


def is_ruler(line: str) -> bool:
    """What stands between a table's head and its rows: `|---|:-:|`."""
    return "-" in line and _RULER.issuperset(line)


def is_code(block: Sequence[str]) -> bool:
    return bool(_FENCE.match(block[0]))


def by_line(
    lines: Sequence[str], size: Size, head: Sequence[str], foot: Sequence[str]
) -> Iterator[str]:
    """Lines in groups that fit, each with head and foot where these leave them room."""
    frame = sum(size.of(f"{line}\n") for line in [*head, *foot])
    if frame > size.most / 2:
        lines, head, foot, frame = [*head, *lines, *foot], [], [], 0.0
    inner = replace(size, most=max(int(size.most - frame), 1), overlap=0)
    for held in groups(lines, inner):
        if any(line.strip() for line in held):
            yield "\n".join([*head, *held, *foot])


def groups(lines: Sequence[str], size: Size) -> Iterator[list[str]]:
    held: list[str] = []
    filled = 0.0
    for line in lines:
        parts = [line] if size.of(f"{line}\n") <= size.most else sentences(line, size)
        for part in parts:
            cost = size.of(f"{part}\n")
            if held and filled + cost > size.most:
                yield held
                held, filled = [], 0.0
            held.append(part)
            filled += cost
    if held:
        yield held


def sentences(text: str, size: Size) -> Iterator[str]:
    """The parts of one paragraph, each but the first with the end of the one before."""
    start = 0
    while start < len(text):
        high = reach(text, start, size)
        end = high if high == len(text) else pause(text, start, high)
        part = text[start:end].strip()
        if part:
            yield part
        if end >= len(text):
            return
        start = max(resumed(text, end, size), start + 1)


def reach(text: str, start: int, size: Size) -> int:
    """The farthest place up to which the text from `start` is no longer than it may be."""
    if size.unit == "characters":
        return min(start + size.most, len(text))
    # By halves: a character is a quarter of a token to two.
    low, high = min(start + max(size.most // 2, 1), len(text)), start + 4 * size.most
    high = min(high, len(text))
    while low < high:
        middle = (low + high + 1) // 2
        if size.of(text[start:middle]) <= size.most:
            low = middle
        else:
            high = middle - 1
    return low


def pause(text: str, start: int, high: int) -> int:
    """Where to end a part: not in its first half, so that no part is a scrap."""
    low = start + (high - start) // 2
    for kind in _PAUSES:
        ends = [found.end() for found in kind.finditer(text, low, high)]
        if ends:
            return ends[-1]
    return high


def resumed(text: str, end: int, size: Size) -> int:
    """Where the next part begins: at a word, within the overlap."""
    if not size.overlap:
        return end
    scale = 1 if size.unit == "characters" else 4
    low = max(end - scale * size.overlap, 0)
    while size.of(text[low:end]) > size.overlap:
        low += max((end - low) // 8, 1)
    found = _PAUSES[-1].search(text, max(low - 1, 0), end)
    return found.end() if found else end
