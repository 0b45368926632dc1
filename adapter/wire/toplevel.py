"""The texts that stand right inside a JSON object, and where: for what is passed on as it is.

Strings are jumped over from quote to quote, so a body of megabytes is a matter of few steps.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from adapter.wire.longtext import Json

_OPENING, _CLOSING = (b"{", b"["), (b"}", b"]")


class Place(NamedTuple):
    """A text, and the bytes from its opening quote to behind its closing one."""

    text: str
    start: int
    end: int


def texts(body: Json) -> dict[str, Place]:
    """The texts of the outermost object by their keys in small letters.

    Of duplicate keys the last counts, as in Go. What is no JSON has whatever comes before that
    shows: who decodes it will say so.
    """
    found: dict[str, Place] = {}
    key: str | None = None
    at = depth = 0
    while (start := body.find(b'"', at)) >= 0:
        between = body[at:start]
        depth = _depth(between, depth)
        end = _end(body, start)
        if depth < 1 or not end:
            break
        if depth == 1:
            text = _text(body[start:end])
            if key is not None and between.strip() == b":":
                if text is not None:
                    found[key] = Place(text, start, end)
                key = None
            else:
                key = None if text is None else text.lower()
        else:
            key = None
        at = end
    return found


def replaced(body: Json, place: Place, text: str) -> bytes:
    """The body with another text in that place, and every other byte as it was."""
    return b"".join((body[: place.start], orjson.dumps(text), body[place.end :]))


def _depth(between: Json, depth: int) -> int:
    """How deep it is behind a stretch without strings; 0 if the object has ended in it."""
    opened, closed = sum(map(between.count, _OPENING)), sum(map(between.count, _CLOSING))
    if not depth or closed < depth:
        return depth + opened - closed
    for at in range(len(between)):
        byte = between[at : at + 1]
        depth += (byte in _OPENING) - (byte in _CLOSING)
        if not depth:
            return 0
    return depth


def _end(body: Json, start: int) -> int:
    """Behind the quote that ends the string which begins at `start`; 0 if there is none."""
    at = start
    while (at := body.find(b'"', at + 1)) >= 0:
        before = at
        while body[before - 1] == ord("\\"):
            before -= 1
        if (at - before) % 2 == 0:
            return at + 1
    return 0


def _text(quoted: Json) -> str | None:
    try:
        return str(orjson.loads(quoted))
    except orjson.JSONDecodeError:
        return None
