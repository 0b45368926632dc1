"""Replies → bytes. One object is one line."""

from __future__ import annotations

from typing import Any

import orjson

from adapter.wire import steps

# Legal inside a JSON string, but httpx (so every Python client) splits lines at them.
_LINE_BREAKS = (
    (b"\xe2\x80\xa8", b"\\u2028"),
    (b"\xe2\x80\xa9", b"\\u2029"),
    (b"\xc2\x85", b"\\u0085"),
)


def has_line_break(text: bytes) -> bool:
    """Whether UTF-8 text may hold a character that `dumps` escapes. Errs on the side of yes."""
    return b"\xe2\x80" in text or b"\xc2\x85" in text


def dumps(value: Any) -> bytes:
    """Compact JSON without U+2028, U+2029 and U+0085, which are escaped."""
    return escape_line_breaks(orjson.dumps(value))


def dumps_in_pieces(value: Any) -> list[bytes]:
    """The same in short steps, for what would keep others waiting."""
    return [escape_line_breaks(piece) for piece in steps.pieces(value)]


def escape_line_breaks(data: bytes) -> bytes:
    """JSON, or events of it, with those three characters escaped; they stand in strings only."""
    if has_line_break(data):
        for raw, escaped in _LINE_BREAKS:
            data = data.replace(raw, escaped)
    return data


def error_line(message: str) -> bytes:
    """The last line of a stream that broke: an error and nothing else."""
    return dumps({"error": message}) + b"\n"
