"""Bytes of an event stream → payloads. Lines end in a line feed only: a payload may hold U+2028."""

from __future__ import annotations


class Events:
    """Cut anywhere; comments and other fields are passed over."""

    def __init__(self) -> None:
        self._waiting = b""
        self._data: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        *lines, self._waiting = (self._waiting + data).split(b"\n")
        payloads = []
        for line in lines:
            line = line.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                payloads.append(b"\n".join(self._data))
                self._data = []
        return payloads


def event(payload: bytes) -> bytes:
    return b"data: " + payload + b"\n\n"


DONE = event(b"[DONE]")
