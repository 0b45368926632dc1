"""Server-sent events: bytes as read from a socket → payloads of whole events."""

from __future__ import annotations

import re

# Line feeds only: a payload may hold U+2028 or U+0085, which str.splitlines would cut at.
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


class EventSplitter:
    """Cuts a stream of events, however the reads fall. Comments and other fields are dropped."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Payloads (the text after `data:`) of the events that `data` completes."""
        data = self._rest + data if self._rest else data
        *events, self._rest = _BLANK_LINE.split(data) if b"\r" in data else data.split(b"\n\n")
        return [payload for event in events if (payload := _payload(event))]

    def flush(self) -> list[bytes]:
        """The payload of a last event whose blank line never came."""
        return self.feed(b"\n\n") if self._rest else []

    @property
    def empty(self) -> bool:
        """Whether no event is begun."""
        return not self._rest


def _payload(event: bytes) -> bytes:
    if event.startswith(b"data: ") and b"\n" not in event:
        return event[6:]
    lines = [line.rstrip(b"\r") for line in event.split(b"\n")]
    data = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
    return b"\n".join(data)
