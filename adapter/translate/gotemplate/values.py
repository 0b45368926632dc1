"""What a template's expressions are made of: Go's values, as far as Ollama hands them out.

A string, int, float or bool is Python's own; None is nil, or nothing at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """A struct. `keys` gives the JSON key of a field, and whether it is left out.

    Where `keys` is empty, JSON has the fields by their Go names. `spoken` records print as JSON.
    """

    type: str
    fields: Mapping[str, Value]
    keys: Mapping[str, tuple[str, Literal["keep", "omit nil", "omit empty"]]] = field(
        default_factory=dict
    )
    spoken: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    """A slice. `single`: prints and encodes as its element if there is just one."""

    type: str
    items: tuple[Value, ...] = ()
    spoken: bool = False
    single: bool = False
    nil: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A map with text keys, in the order of its keys. `absent` is the value of a missing key."""

    type: str
    entries: Mapping[str, Value]
    spoken: bool = False
    nil: bool = False
    absent: Value = None


Value: TypeAlias = bool | int | float | str | Record | Array | Table | None

_TYPES = {type(None): "interface {}", bool: "bool", int: "int", float: "float64", str: "string"}


def weight(value: Value) -> int:
    """How many values it is, with all it holds: what printing it costs."""
    if isinstance(value, Record):
        return 1 + sum(map(weight, value.fields.values()))
    if isinstance(value, Array):
        return 1 + sum(map(weight, value.items))
    if isinstance(value, Table):
        return 1 + sum(map(weight, value.entries.values()))
    return 1


def type_name(value: Value) -> str:
    """Go's name of a value's type, for error messages."""
    return value.type if isinstance(value, (Record, Array, Table)) else _TYPES[type(value)]


def truth(value: Value) -> bool:
    """Whether `if` takes it for true: not nil, not zero, not empty. A struct always is."""
    if isinstance(value, Record):
        return True
    if isinstance(value, Array):
        return bool(value.items)
    if isinstance(value, Table):
        return bool(value.entries)
    return bool(value)


def utf8(text: str) -> bytes:
    """Go's texts are bytes: lengths and places count them."""
    return text.encode("utf-8", "replace")
