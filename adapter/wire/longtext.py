"""JSON with long texts in it (pictures, documents), read in many short steps.

A parser in C keeps every other thread waiting until it is through. So long stretches of strings
are taken out of the JSON, each is read by itself, and what is left is little.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

LONG = 2**12
"""Bytes without a quote that are worth a step of their own."""
_STEP = 2**19
"""Bytes from which on a stretch takes several."""
_LONGEST_ESCAPE = len(rb"\ud83d\ude42")
_TRIES = 64

Json = bytes | bytearray


class Taken(NamedTuple):
    """What is left of a JSON text, and what was taken out: marks stand for it."""

    rest: Json
    mark: str = ""
    texts: tuple[str, ...] = ()

    def put_back(self, value: Any) -> Any:
        """The value of `rest`, with all of its texts. It may not be nested too deep to walk."""
        return self._whole(value) if self.texts else value

    def _whole(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value) if self.mark in value else value
        if isinstance(value, list):
            return [self._whole(item) for item in value]
        if isinstance(value, dict):
            return {self._whole(key): self._whole(item) for key, item in value.items()}
        return value

    def _text(self, text: str) -> str:
        first, *others = text.split(self.mark)
        numbered = (other.partition(">") for other in others)
        return "".join([first, *(self.texts[int(n)] + rest for n, _, rest in numbered)])


def loads(body: Json) -> Any:
    """The value of JSON that is not nested deep.

    Raises:
        orjson.JSONDecodeError: it is no JSON.
    """
    try:
        taken = take_out(body)
        return taken.put_back(orjson.loads(taken.rest))
    except (orjson.JSONDecodeError, RecursionError):
        return orjson.loads(body)  # it is for the whole to say what is wrong


def take_out(body: Json) -> Taken:
    """Takes out what stands between two quotes and is long.

    The result is to be trusted if its `rest` is JSON: no mark is legal outside of strings, each
    stretch is a whole string by itself, and no client can know the mark. Otherwise nothing is
    said of the body.

    Raises:
        orjson.JSONDecodeError: a stretch is no string.
    """
    if len(body) < LONG or not (places := list(_steps(body))):
        return Taken(body)
    view, mark = memoryview(body), f"<{secrets.token_hex(16)}:"
    parts: list[Json | memoryview] = []
    done = 0
    for number, (start, end) in enumerate(places):
        parts += view[done:start], f"{mark}{number}>".encode()
        done = end
    texts = tuple(orjson.loads(b"".join((b'"', view[start:end], b'"'))) for start, end in places)
    return Taken(b"".join([*parts, view[done:]]), mark, texts)


def _steps(body: Json) -> Iterator[tuple[int, int]]:
    """The stretches, the longest in several steps."""
    for start, end in _stretches(body):
        at = start
        while at < end:
            place = _cut(body, at + _STEP, end) if end - at > _STEP else end
            yield at, place
            at = place


def _cut(body: Json, at: int, end: int) -> int:
    """Where a text can be cut, at `at` or a little later; its end, if there is no such place."""
    return next((at for at in range(at, min(at + _TRIES, end)) if _is_between(body, at)), end)


def _is_between(body: Json, at: int) -> bool:
    """Whether `at` is neither in a character nor in an escape, as far as can be told."""
    if body[at] & 0xC0 == 0x80:
        return False
    slash = body.rfind(b"\\", at - _LONGEST_ESCAPE, at)
    is_over = slash + 2 <= at and body[slash + 1] != ord("u") and body[slash - 1] != ord("\\")
    return slash < 0 or is_over


def _stretches(body: Json) -> Iterator[tuple[int, int]]:
    """From behind a quote to the next, where they are far apart. Most bytes are not looked at."""
    at = body.find(b'"') + 1
    while at < len(body):
        if (end := body.find(b'"', at, at + LONG)) >= 0:
            # What is long enough begins at the last quote that is near.
            at = body.rfind(b'"', end, at + LONG) + 1
        elif (end := body.find(b'"', at + LONG)) >= 0:
            yield at, end
            at = end + 1
        else:
            return
