"""`keep_alive`: seconds as a number, or a Go duration as a string.

Source: `api/types.go:Duration.UnmarshalJSON` and Go's `time.ParseDuration`, error texts included.
"""

from __future__ import annotations

import re
from typing import Any

_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([^0-9.]*)")
_LONGEST = (2**63 - 1) / 1e9  # Go holds a duration in nanoseconds of 64 bits: some 292 years

FOREVER = float("inf")


def keep_alive_seconds(value: Any) -> float | None:
    """Seconds to keep a model, `FOREVER` for a negative value, None for null.

    Raises:
        ValueError: with Ollama's text.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"Unsupported type: '{_go_kind(value)}'")
    seconds = duration_seconds(value) if isinstance(value, str) else float(value)
    return seconds if 0 <= seconds <= _LONGEST else FOREVER


def duration_seconds(text: str) -> float:
    """Seconds of a Go duration such as "5m" or "-1h30m"; "0" needs no unit.

    Raises:
        ValueError: with the text of `time.ParseDuration`.
    """
    sign, body = (-1.0, text[1:]) if text.startswith("-") else (1.0, text.removeprefix("+"))
    if body == "0":
        return 0.0
    if not body:
        raise ValueError(f'time: invalid duration "{text}"')
    total, position = 0.0, 0
    while position < len(body):
        part = _PART.match(body, position)
        if part is None:
            raise ValueError(f'time: invalid duration "{text}"')
        number, unit = part.groups()
        if not unit:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if unit not in _SECONDS:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        total += float(number) * _SECONDS[unit]
        position = part.end()
    if total > _LONGEST:
        raise ValueError(f'time: invalid duration "{text}"')
    return sign * total


def _go_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "[]interface {}" if isinstance(value, list) else "map[string]interface {}"
