"""Nanoseconds since 1970 → RFC 3339 with nine digits and Z, as Go prints it."""

from __future__ import annotations

from datetime import UTC, datetime


class Stamps:
    """Prints instants, and keeps the last second printed: a stream asks for many within one."""

    def __init__(self) -> None:
        self._second = -1
        self._text = b""

    def at(self, wall_ns: int) -> bytes:
        second, fraction = divmod(wall_ns, 1_000_000_000)
        if second != self._second:
            self._second = second
            self._text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.").encode()
        return b"%b%09dZ" % (self._text, fraction)


def rfc3339(wall_ns: int) -> str:
    """The same for one instant."""
    return Stamps().at(wall_ns).decode()
