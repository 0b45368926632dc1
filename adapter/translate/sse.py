"""Server-sent events: bytes as read from a socket → payloads of whole events."""

from __future__ import annotations

import re

# Line feeds only: a payload may hold U+2028 or U+0085, which str.splitlines would cut at.
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
BLANK_LINES = (b"\n\n", b"\n\r\n")
"""What ends an event, but for a carriage return before it."""
_SEAM = max(map(len, BLANK_LINES)) - 1


class Begun:
    """The beginning of an event whose end has not come yet. No byte of it is looked at twice."""

    def __init__(self) -> None:
        self._data: bytes | bytearray = b""

    def __bool__(self) -> bool:
        return bool(self._data)

    def keep(self, data: bytes) -> None:
        """Keeps what has come of the next event, once all before it was taken."""
        self._data = data

    def join(self, data: bytes) -> bytes:
        """All that has come, if `data` ends the event; else it is kept, and this is empty."""
        seam = self._data[-_SEAM:] + data[:_SEAM]
        if isinstance(self._data, bytes):
            self._data = bytearray(self._data)
        self._data += data
        return self.take() if _has_blank_line(data) or _has_blank_line(seam) else b""

    def take(self) -> bytes:
        """All that has come, which is no longer kept."""
        data, self._data = bytes(self._data), b""
        return data


class EventSplitter:
    """Cuts a stream of events, however the reads fall. Comments and other fields are dropped."""

    def __init__(self) -> None:
        self._begun = Begun()
        self.empty = True
        """Whether no event is begun."""

    def feed(self, data: bytes) -> list[bytes]:
        """Payloads (the text after `data:`) of the events that `data` completes."""
        if not self.empty and not (data := self._begun.join(data)):
            return []
        *events, rest = _BLANK_LINE.split(data) if b"\r" in data else data.split(b"\n\n")
        self.empty = not rest
        if rest:
            self._begun.keep(rest)
        if not rest and _are_plain(data, len(events)):
            return [payload for event in events if (payload := event[6:])]
        return [payload for event in events if (payload := _payload(event))]

    def flush(self) -> list[bytes]:
        """The payload of a last event whose blank line never came."""
        return [] if self.empty else self.feed(b"\n\n")


def _has_blank_line(data: bytes | bytearray) -> bool:
    return b"\n\n" in data or b"\n\r\n" in data


def _are_plain(data: bytes, count: int) -> bool:
    """Whether so many events are a line of data each, as nearly all are."""
    return (
        data.startswith(b"data: ")
        and data.count(b"\n\ndata: ") == count - 1
        and data.count(b"\n") == 2 * count
    )


def _payload(event: bytes) -> bytes:
    if event.startswith(b"data: ") and b"\n" not in event:
        return event[6:]
    lines = [line.rstrip(b"\r") for line in event.split(b"\n")]
    data = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
    return b"\n".join(data)
