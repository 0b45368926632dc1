"""The functions that a template may call: Go's own, and Ollama's `json` and its kin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from adapter.translate.gotemplate.limits import Budget
from adapter.translate.gotemplate.printing import formatted, joined, text, to_json
from adapter.translate.gotemplate.values import (
    Array,
    Record,
    Table,
    Value,
    truth,
    type_name,
    utf8,
    weight,
)

REFUSED = ("call", "html", "js", "urlquery")
"""Functions of Go's that no prompt needs."""


class CallFailed(Exception):
    """Why a function can't take these arguments, in Go's words."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a call may use beside its arguments. `today` is None where no clock was asked."""

    budget: Budget
    today: date | None


class Signature(NamedTuple):
    """A function and how many arguments it takes; `most` is None for any number."""

    call: Callable[[list[Value], Surroundings], Value]
    least: int
    most: int | None
    text_first: bool = False


def _kind(value: Value) -> str:
    """The kinds that compare: bool, int, float64, string; empty for the others."""
    return type_name(value) if isinstance(value, (bool, int, float, str)) else ""


def _equal(one: Value, other: Value) -> bool:
    kind = _kind(one)
    if kind != _kind(other):
        if one is None or other is None:
            return False
        kinds = f"{type_name(one)} and {type_name(other)}"
        raise CallFailed(f"incompatible types for comparison: {kinds}")
    if kind or one is None or other is None:
        return one == other
    if not isinstance(one, Record) or not isinstance(other, Record):
        raise CallFailed(f"non-comparable types {type_name(one)} and {type_name(other)}")
    return one is other


def _eq(values: list[Value], around: Surroundings) -> Value:
    if len(values) < 2:
        raise CallFailed("missing argument for comparison")
    _spend_on(values, around)
    return any(_equal(values[0], other) for other in values[1:])


def _less(values: list[Value], around: Surroundings) -> bool:
    one, other = values
    _spend_on(values, around)
    if not _kind(one) or not _kind(other):
        raise CallFailed("invalid type for comparison")
    if isinstance(one, str) and isinstance(other, str):
        return one < other
    if _kind(one) != _kind(other):
        kinds = f"{type_name(one)} and {type_name(other)}"
        raise CallFailed(f"incompatible types for comparison: {kinds}")
    if isinstance(one, bool) or not isinstance(one, (int, float)):
        raise CallFailed("invalid type for comparison")
    return isinstance(other, (int, float)) and one < other


def _at_most(values: list[Value], around: Surroundings) -> bool:
    return _less(values, around) or bool(_eq(values, around))


def _spend_on(values: list[Value], around: Surroundings) -> None:
    """Texts cost as much as comparing them can take."""
    around.budget.spend(sum(len(value) for value in values if isinstance(value, str)) // 8)


def _bytes(value: str, around: Surroundings) -> bytes:
    around.budget.spend(len(value))
    return utf8(value)


def _len(values: list[Value], around: Surroundings) -> Value:
    (value,) = values
    if isinstance(value, str):
        return len(value) if value.isascii() else len(_bytes(value, around))
    if isinstance(value, Array):
        return len(value.items)
    if isinstance(value, Table):
        return len(value.entries)
    raise CallFailed("len of nil pointer" if value is None else f"len of type {type_name(value)}")


def _place(value: Value, length: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        what = "nil" if value is None else f"type {type_name(value)}"
        raise CallFailed(f"cannot index slice/array with {what}")
    if not 0 <= value <= length:
        raise CallFailed(f"index out of range: {value}")
    return value


def _index(values: list[Value], around: Surroundings) -> Value:
    item, *places = values
    if item is None:
        raise CallFailed("index of untyped nil")
    for place in places:
        item = _element(item, place, around)
    return item


def _element(item: Value, place: Value, around: Surroundings) -> Value:
    if isinstance(item, Table):
        if not isinstance(place, str):
            raise CallFailed(f"value has type {type_name(place)}; should be string")
        return item.entries.get(place, item.absent)
    if isinstance(item, (Array, str)):
        items = item.items if isinstance(item, Array) else _bytes(item, around)
        at = _place(place, len(items))
        if at == len(items):
            raise CallFailed("reflect: slice index out of range")
        return items[at]
    if item is None:
        raise CallFailed("index of nil pointer")
    raise CallFailed(f"can't index item of type {type_name(item)}")


def _slice(values: list[Value], around: Surroundings) -> Value:
    item, *places = values
    if item is None:
        raise CallFailed("slice of untyped nil")
    if not isinstance(item, (Array, str)):
        raise CallFailed(f"can't slice item of type {type_name(item)}")
    if len(places) == 3 and isinstance(item, str):
        raise CallFailed("cannot 3-index slice a string")
    items = item.items if isinstance(item, Array) else _bytes(item, around)
    around.budget.spend(len(items))
    bounds = [_place(place, len(items)) for place in places]
    first, last = (*bounds, *(0, len(items))[len(bounds) :])[:2]
    for low, high in [(first, last), *([(last, bounds[2])] if len(bounds) == 3 else [])]:
        if low > high:
            raise CallFailed(f"invalid slice index: {low} > {high}")
    if isinstance(items, bytes):
        # A letter that is cut in the middle can't be kept as its bytes.
        return items[first:last].decode("utf-8", "replace")
    kept = items[first:last]
    return Array(type_name(item), kept, *_manner(item))


def _manner(item: Value) -> tuple[bool, bool]:
    return (item.spoken, item.single) if isinstance(item, Array) else (False, False)


def _spend_on_texts(values: list[Value], around: Surroundings) -> None:
    """Before they are joined: one value many times makes a text beyond all bounds."""
    for value in values:
        around.budget.step(weight(value))
        around.budget.spend(len(value if isinstance(value, str) else text(value)))


def _print(values: list[Value], around: Surroundings) -> Value:
    _spend_on_texts(values, around)
    return joined(values)


def _println(values: list[Value], around: Surroundings) -> Value:
    _spend_on_texts(values, around)
    return " ".join(map(text, values)) + "\n"


def _json(values: list[Value], around: Surroundings) -> Value:
    _spend_on_texts(values, around)
    return to_json(values[0])


def _printf(values: list[Value], around: Surroundings) -> Value:
    form, *rest = values
    _spend_on_texts(values, around)
    try:
        return formatted(str(form), rest)
    except ValueError as error:
        raise CallFailed(str(error)) from None


def _day(around: Surroundings, back: int) -> str:
    if around.today is None:
        raise CallFailed("today's date is not known here")
    return (around.today - timedelta(days=back)).isoformat()


_TYPESCRIPT = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "array": "any[]",
    "object": "Record<string, any>",
    "null": "null",
}


def typescript(value: Value) -> str:
    """A tool's property as a type of TypeScript; of nested choices only the outer are looked at."""
    if not isinstance(value, Record) or value.type != "api.ToolProperty":
        return "any"
    choices = value.fields["AnyOf"]
    if isinstance(choices, Array) and choices.items:
        return " | ".join(map(typescript, choices.items))
    kinds = value.fields["Type"]
    items = kinds.items if isinstance(kinds, Array) else ()
    return " | ".join(_TYPESCRIPT.get(text(kind), "any") for kind in items) or "any"


# `and` and `or` are the executor's: they leave arguments unevaluated.
FUNCTIONS: dict[str, Signature] = {
    "and": Signature(lambda values, _: values[-1], 1, None),
    "or": Signature(lambda values, _: values[-1], 1, None),
    "not": Signature(lambda values, _: not truth(values[0]), 1, 1),
    "eq": Signature(_eq, 1, None),
    "ne": Signature(lambda values, around: not _eq(values, around), 2, 2),
    "lt": Signature(_less, 2, 2),
    "le": Signature(_at_most, 2, 2),
    "gt": Signature(lambda values, around: not _at_most(values, around), 2, 2),
    "ge": Signature(lambda values, around: not _less(values, around), 2, 2),
    "len": Signature(_len, 1, 1),
    "index": Signature(_index, 1, None),
    "slice": Signature(_slice, 1, 4),
    "print": Signature(_print, 0, None),
    "printf": Signature(_printf, 1, None, text_first=True),
    "println": Signature(_println, 0, None),
    "json": Signature(_json, 1, 1),
    "currentDate": Signature(lambda _, around: _day(around, 0), 0, None),
    "yesterdayDate": Signature(lambda _, around: _day(around, 1), 0, None),
    "toTypeScriptType": Signature(lambda values, _: typescript(values[0]), 1, 1),
}
