"""JSON written in many short steps, for what would keep other threads waiting in one.

The bytes are those of `orjson.dumps`, in pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import orjson

PIECE = 2**18
"""Bytes of a piece, more or less, and characters that are written in one step."""
_SHORT = 2**10
"""Characters of a text that is written in one step with its neighbours."""
_ITEMS = 256


def pieces(value: Any) -> list[bytes]:
    """The JSON of a value. Joined, its pieces are what `orjson.dumps` gives.

    Raises:
        orjson.JSONEncodeError: there is something in it that has no JSON.
    """
    return list(merged(_written(value)))


def merged(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of a fair size."""
    waiting: list[bytes] = []
    size = 0
    for part in parts:
        waiting.append(part)
        size += len(part)
        if size >= PIECE:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def _written(value: Any) -> Iterator[bytes]:
    if isinstance(value, str) and not _is_plain(value):
        yield b'"'
        for at in range(0, len(value), PIECE):
            yield orjson.dumps(value[at : at + PIECE])[1:-1]
        yield b'"'
    elif isinstance(value, dict) and value:
        between = b"{"
        for key, field in value.items():
            yield between + orjson.dumps(key) + b":"
            yield from _written(field)
            between = b","
        yield b"}"
    elif isinstance(value, list) and value:
        between = b"["
        for part in _parts(value):
            yield between
            yield from part
            between = b","
        yield b"]"
    else:
        yield orjson.dumps(value)


def _parts(items: list[Any]) -> Iterator[Iterable[bytes]]:
    """The items of a list, short neighbours as one."""
    is_vector = isinstance(items[0], (int, float))
    for short, neighbours in [(True, items)] if is_vector else groupby(items, _is_short):
        if not short:
            yield from map(_written, neighbours)
            continue
        run = list(neighbours)
        for at in range(0, len(run), _ITEMS):
            yield (orjson.dumps(run[at : at + _ITEMS])[1:-1],)


def _is_short(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return _is_plain(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= _SHORT
    return not isinstance(value, (dict, list, orjson.Fragment))
