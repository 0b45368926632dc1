"""Comparing a value with what was expected of it: by subset, with matchers for what varies.

The named keys of an object, a prefix of a list, numbers by value. A string may be a matcher:
`~re` (searched for), or one of KINDS. Everything else is compared for equality.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeGuard

Faults = list[str]
"""What is wrong, a sentence each; empty if nothing is."""

SHOWN = 160
"""Characters of a value that a fault shows."""
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class _Missing:
    def __repr__(self) -> str:
        return "missing"


MISSING = _Missing()


def is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_integer(value: Any) -> TypeGuard[int]:
    """1 is one, 1.0 is none: Go and Rust clients read them into integers."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_rfc3339(value: Any) -> bool:
    return isinstance(value, str) and _RFC3339.fullmatch(value) is not None


KINDS: dict[str, Callable[[Any], bool]] = {
    "$str": lambda value: isinstance(value, str),
    "$int": is_integer,
    "$posint": lambda value: is_integer(value) and value > 0,
    "$num": is_number,
    "$bool": lambda value: isinstance(value, bool),
    "$list": lambda value: isinstance(value, list),
    "$obj": lambda value: isinstance(value, dict),
    "$rfc3339": is_rfc3339,
}


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 2] + " …"


def unless(good: bool, fault: str) -> Faults:
    return [] if good else [fault]


def compare(want: Any, got: Any, where: str = "body") -> Faults:
    """Every difference; see the module's text for what counts as one."""
    if isinstance(want, str) and want.startswith("~"):
        found = isinstance(got, str) and re.search(want[1:], got) is not None
        return unless(found, f"{where}: expected a match of {want[1:]}, got {shown(got)}")
    if isinstance(want, str) and want.startswith("$"):
        return unless(KINDS[want](got), f"{where}: expected {want}, got {shown(got)}")
    if isinstance(want, dict) and isinstance(got, dict):
        pairs = ((f"{where}.{key}", value, got.get(key, MISSING)) for key, value in want.items())
        return [fault for at, value, found in pairs for fault in compare(value, found, at)]
    if isinstance(want, list) and isinstance(got, list) and len(got) >= len(want):
        return [f for i, value in enumerate(want) for f in compare(value, got[i], f"{where}[{i}]")]
    same_type = type(want) is type(got) or (is_number(want) and is_number(got))
    good = same_type and not isinstance(want, list) and want == got
    return unless(good, f"{where}: expected {shown(want)}, got {shown(got)}")


def each(want: Any, items: Any, where: str) -> Faults:
    """Every item of a list compared; what is no list is a fault itself."""
    if not isinstance(items, list):
        return [f"{where}: expected a list, got {shown(items)}"]
    return [f for i, item in enumerate(items) for f in compare(want, item, f"{where}[{i}]")]


def dig(value: Any, path: str) -> Any:
    """The value at a dotted path such as choices.0.message, or MISSING."""
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part, MISSING)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return MISSING
    return value


def nulls(value: Any, where: str = "body") -> Iterator[str]:
    """The places that hold null."""
    if value is None:
        yield where
    elif isinstance(value, dict):
        for key, held in value.items():
            yield from nulls(held, f"{where}.{key}")
    elif isinstance(value, list):
        for number, held in enumerate(value):
            yield from nulls(held, f"{where}[{number}]")
