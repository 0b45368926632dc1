"""Answers of a real Ollama, passed on as they come: byte for byte, but for a model's name.

In each line of an answer the first `"model":"…"` with the name that Ollama was asked for is the
answer's own: what comes before it in Ollama's objects are ids, dates, and texts in which a quote
is escaped.
"""

from __future__ import annotations

import re

import orjson

_COUNTS = re.compile(
    rb'"(?:(prompt_eval_count|prompt_tokens|input_tokens)'
    rb'|(?:eval_count|completion_tokens|output_tokens))":(\d+)'
)
_LONGEST = 2**20
"""Bytes that are kept of a piece until it is whole."""

LINE, EVENT = b"\n", b"\n\n"


class Renaming:
    """Puts the name that a client asked for in the place of the one that Ollama was asked for."""

    def __init__(self, served: str, asked: str, key: str = "model") -> None:
        self._served, self._asked = served, asked
        before = orjson.dumps(key) + b":"
        self._pattern = before + orjson.dumps(served)
        self._name = before + orjson.dumps(asked)
        self._kept = b""
        self._done = False
        """Whether the line has had it."""

    def feed(self, data: bytes) -> bytes:
        """The bytes so far, but for those that may be the beginning of the name."""
        data = self._kept + data
        self._kept = b""
        out: list[bytes] = []
        while data:
            line_end = data.find(b"\n") + 1
            at = -1 if self._done else data.find(self._pattern, 0, line_end or len(data))
            if at >= 0:
                out += data[:at], self._name
                data = data[at + len(self._pattern) :]
                self._done = True
            elif line_end:
                out.append(data[:line_end])
                data = data[line_end:]
                self._done = False
            else:
                cut = len(data) if self._done else len(data) - self._may_begin(data)
                out.append(data[:cut])
                self._kept = data[cut:]
                break
        return b"".join(out)

    def _may_begin(self, data: bytes) -> int:
        """How many bytes at the end may be the pattern's first."""
        for size in range(min(len(self._pattern) - 1, len(data)), 0, -1):
            if data.endswith(self._pattern[:size]):
                return size
        return 0

    def finish(self) -> bytes:
        kept, self._kept = self._kept, b""
        return kept

    def told(self, error: bytes) -> bytes:
        """An error's body, in which names stand in quotes."""
        for left, right in ((b"'", b"'"), (b'\\"', b'\\"')):
            served, asked = self._served.encode(), self._asked.encode()
            error = error.replace(left + served + right, left + asked + right)
        return error


class Verbatim:
    """The pieces of an answer, each to be written by itself. `counts` are its tokens so far
    (prompt, generated)."""

    def __init__(self, renaming: Renaming | None = None, end: bytes = b"") -> None:
        """`end` ends a piece that makes sense by itself: b"\\n" a line, b"\\n\\n" an event; b"":
        any bytes do."""
        self._renaming = renaming
        self._end = end
        self._begun = bytearray()
        self.counts = (0, 0)

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces that are whole."""
        self._count(data)
        if self._renaming is not None:
            data = self._renaming.feed(data)
        if not self._end:
            return [data] if data else []
        begun = self._begun
        # No byte of a line that does not end is looked at twice, but for half an end.
        seam = max(0, len(begun) - len(self._end) + 1)
        begun += data
        at = begun.rfind(self._end, seam)
        cut = at + len(self._end) if at >= 0 else 0
        if len(begun) - cut > _LONGEST:
            cut = len(begun)
        if not cut:
            return []
        whole = bytes(begun[:cut])
        del begun[:cut]
        # Some clients parse each HTTP chunk as one object.
        return whole.splitlines(keepends=True) if self._end == LINE else [whole]

    def finish(self) -> list[bytes]:
        """What is left of an answer that is complete."""
        rest = bytes(self._begun) + (self._renaming.finish() if self._renaming else b"")
        self._begun.clear()
        return [rest] if rest else []

    def _count(self, data: bytes) -> None:
        if b'_count":' not in data and b'_tokens":' not in data:
            return
        prompt, generated = self.counts
        for is_prompt, number in _COUNTS.findall(data):
            if is_prompt:
                prompt = int(number)
            else:
                generated = int(number)
        self.counts = prompt, generated
