"""Numbers in brackets in an answer, held against the sources that there are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_WHOLE = re.compile(r" ?\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
_BEGUN = re.compile(r" ?\[[\d\s,]{0,40}$| $")
HEADING = "Sources:"
CONSULTED = "Consulted, not cited:"
_LIST = re.compile(rf"\n\n(?:{HEADING}|{CONSULTED})\n(?:\[\d+\] .*(?:\n|$))+\s*$")


class Citations:
    """Text in pieces → text in pieces, without citations of sources that there are not.

    `[1, 7]` of two sources becomes `[1]`. What may still become a citation waits for the next
    piece. Code between backticks is left alone: its brackets are indices.
    """

    def __init__(self, sources: int, *, checks: bool = True) -> None:
        """`checks`: that numbers in brackets are citations; else the text passes as it is."""
        self._sources = sources
        self._checks = checks
        self._waiting = ""
        self._ticks = 0
        self.used: set[int] = set()
        self.stripped = 0

    def feed(self, text: str) -> str:
        if not self._checks:
            return text
        text = self._waiting + text
        begun = _BEGUN.search(text)
        cut = begun.start() if begun else len(text)
        self._waiting = text[cut:]
        return self._checked(text[:cut])

    def flush(self) -> str:
        text, self._waiting = self._waiting, ""
        return self._checked(text)

    def _checked(self, text: str) -> str:
        out = []
        for part in re.split(r"(`+)", text):
            if part.startswith("`"):
                self._ticks ^= len(part) & 1  # a run may come in pieces
                out.append(part)
            else:
                out.append(part if self._ticks else _WHOLE.sub(self._judged, part))
        return "".join(out)

    def _judged(self, match: re.Match[str]) -> str:
        numbers = [int(number) for number in match[1].split(",")]
        there = [number for number in numbers if 1 <= number <= self._sources]
        self.used.update(there)
        self.stripped += len(numbers) - len(there)
        if len(there) == len(numbers):
            return match[0]
        space = " " if match[0].startswith(" ") else ""
        return f"{space}[{', '.join(map(str, there))}]" if there else ""


def listed(sources: Sequence[dict[str, Any]]) -> str:
    """The list that ends an answer: what was cited, else all that the model was shown."""
    cited = [source for source in sources if source["cited"]]
    shown = cited or sources
    if not shown:
        return ""
    rows = "\n".join(f"[{source['id']}] {place(source)}" for source in shown)
    return f"\n\n{HEADING if cited else CONSULTED}\n{rows}"


def place(source: dict[str, Any]) -> str:
    """`report.pdf, page 3, Revenue`, in one line."""
    parts = [source["file"]]
    if source.get("page") is not None:
        parts.append(f"page {source['page']}")
    if source.get("section"):
        parts.append(source["section"])
    return " ".join(", ".join(parts).split())


def without_list(answer: str) -> str:
    """An earlier answer without the list at its end: the next needn't read it."""
    return _LIST.sub("", answer)
