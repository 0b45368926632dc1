"""The ordinary events of a stream, which differ in their text alone: sliced, not parsed.

JSON strings are legal in both protocols as they are, so the text goes from the event into the
line as bytes. Token ids, where they are asked for, are the second thing that differs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson

from adapter.translate.events import Event, Text, Tokens
from adapter.translate.ndjson import has_line_break

# ASCII that stands in a JSON string as itself.
_PLAIN = re.compile(rb"[ !#-\[\]-~]+").fullmatch
_IDS = re.compile(rb"\d+(?:,\d+)*").fullmatch
_CONTENT = (b'"delta":{"content":', b'"text":')
_TOKEN_IDS = b'"token_ids":['

Slice = tuple[bytes, bytes]
"""The text as JSON has it without its quotes, and the token ids with commas between them."""


class Layout:
    """The bytes of an event before its text, between text and token ids, and after those.

    `middle` is empty where events have no ids; the quotes around the text belong to the layout.
    """

    __slots__ = ("_around", "_start", "after", "before", "middle")

    def __init__(self, before: bytes, middle: bytes, after: bytes) -> None:
        self.before, self.middle, self.after = before, middle, after
        self._start = len(before)
        self._around = len(before) + len(after)

    def slice(self, event: bytes) -> Slice | None:
        """Text and ids of an event, or None if it is no ordinary one.

        No quote may stand inside the text: so the slice is one string of one event, and nothing
        else of the event can be smuggled in by text that looks like JSON. What is not plain ASCII
        has to prove that it is JSON.
        """
        if not (event.startswith(self.before) and event.endswith(self.after)):
            return None
        start = self._start
        text, ids = event[start : start + len(event) - self._around], b""
        if self.middle:
            text, found, ids = text.partition(self.middle)
            if not found or not _IDS(ids):
                return None
        if _PLAIN(text) or (text and b'"' not in text and _is_harmless(text)):
            return text, ids
        return None

    def as_event(self) -> Layout:
        """The layout of a payload as that of a whole event."""
        return Layout(b"data: " + self.before, self.middle, self.after + b"\n\n")


def learn(payload: bytes, events: Sequence[Event]) -> Layout | None:
    """The layout of a payload that holds a piece of text, its token ids, and nothing else."""
    if not events or not isinstance(events[0], Text) or events[0].logprobs:
        return None
    text = orjson.dumps(events[0].text)
    start = next((at + len(key) for key in _CONTENT if (at := payload.find(key)) >= 0), -1)
    if start < 0 or payload[start : start + len(text)] != text:
        return None
    before, rest = payload[: start + 1], payload[start + len(text) - 1 :]
    match list(events[1:]):
        case []:
            return Layout(before, b"", rest)
        case [Tokens(prompt=[], generated=ids)]:
            middle, found, after = rest.partition(_TOKEN_IDS)
            written = b",".join(b"%d" % number for number in ids)
            if found and after.startswith(written + b"]"):
                return Layout(before, middle + found, after[len(written) :])
    return None


def _is_harmless(text: bytes) -> bool:
    if has_line_break(text):
        return False
    try:
        orjson.loads(b'"%b"' % text)
    except orjson.JSONDecodeError:
        return False
    return True
