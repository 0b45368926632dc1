"""An answer as the wire had it: the head, and every HTTP chunk by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson


class Unreadable(Exception):
    """The body isn't what a rule has to read it as."""


@dataclass(frozen=True)
class Reply:
    """`headers` by lower-case name, repeated ones joined by ", "."""

    status: int
    headers: Mapping[str, str]
    chunks: list[bytes] = field(default_factory=list)
    ended: bool = True
    """False if the connection closed before the body was complete."""

    @cached_property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @cached_property
    def text(self) -> str:
        """What is no UTF-8 is shown as U+FFFD."""
        return self.body.decode("utf-8", "replace")

    @cached_property
    def json(self) -> Any:
        return parsed(self.body)


def parsed(text: bytes | str) -> Any:
    """The JSON value of a text. Raises Unreadable."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        start = text[:80]
        shown = start.decode("utf-8", "replace") if isinstance(start, bytes) else start
        raise Unreadable(f"no JSON ({error}): {shown!r}") from error
