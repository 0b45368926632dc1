"""Bodies for an engine as JSON: at once, or beside the loop where that takes a while."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from adapter.aside import LARGE, aside
from adapter.wire import steps

_LONG_FIELDS = ("messages", "prompt", "input", "documents", "tokens")
"""The fields by which a body grows large."""
_ITEM = 8
"""Bytes that an item of a list takes at least, with its quotes or brackets and its comma."""


async def encoded(body: Mapping[str, Any], size: int | None = None) -> Sequence[bytes]:
    """The JSON of a body, in pieces that are to be sent one after another.

    `size`: about how many bytes it will have, if that is known.
    """
    if size < LARGE if size is not None else not is_large(body):
        return (orjson.dumps(body),)
    return await aside(LARGE, steps.pieces, body)


def is_large(body: Mapping[str, Any]) -> bool:
    """Whether the JSON will have some LARGE bytes, of which hardly more are looked at."""
    left = LARGE
    inside = [body[name] for name in _LONG_FIELDS if name in body]
    while inside and left > 0:
        value = inside.pop()
        if isinstance(value, str):
            left -= len(value)
        elif isinstance(value, dict):
            inside.extend(value.values())
        elif isinstance(value, list):
            left -= _ITEM * len(value)
            if value and not isinstance(value[0], int):
                inside.extend(value)
    return left <= 0
