"""Nanoseconds since 1970 → RFC 3339 with nine digits and Z, as Go prints it."""

from __future__ import annotations

import functools
from datetime import UTC, datetime

SECOND = 1_000_000_000
FRACTION = b"%09dZ"
"""What follows the second."""


def stamp(wall_ns: int) -> bytes:
    second, fraction = divmod(wall_ns, SECOND)
    return up_to_second(second) + FRACTION % fraction


def rfc3339(wall_ns: int) -> str:
    return stamp(wall_ns).decode()


@functools.lru_cache(4)
def up_to_second(second: int) -> bytes:
    """Up to the point behind it. Streams ask for many instants within one second."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.").encode()
