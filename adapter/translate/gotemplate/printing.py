"""Values → text, as Go's fmt and encoding/json print them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from decimal import Decimal

from adapter.translate.gotemplate.quoting import quote, quote_rune
from adapter.translate.gotemplate.values import Array, Record, Table, Value, type_name

_VERB = re.compile(r"%(.|$)", re.DOTALL)
_HTML = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
_VERBS = "sdvqt"


def text(value: Value) -> str:
    """A value as `%v` prints it; nil is `<nil>`."""
    return _printed(value, _plain)


def _plain(value: Value) -> str:
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return real(value)
    return str(value)


def _printed(value: Value, scalar: Callable[[Value], str]) -> str:
    """Lists and such by their brackets, what they hold by `scalar`."""
    if isinstance(value, (Record, Array, Table)) and value.spoken:
        return scalar("{}" if isinstance(value, Table) and value.nil else to_json(value))
    if isinstance(value, Record):
        return f"{{{' '.join(_inside(item, scalar) for item in value.fields.values())}}}"
    if isinstance(value, Table):
        pairs = (f"{scalar(key)}:{_inside(item, scalar)}" for key, item in value.entries.items())
        return f"map[{' '.join(pairs)}]"
    if isinstance(value, Array):
        if value.single and len(value.items) < 2:
            return scalar(value.items[0] if value.items else "")
        return f"[{' '.join(_inside(item, scalar) for item in value.items)}]"
    return scalar(value)


def _inside(value: Value, scalar: Callable[[Value], str]) -> str:
    # A nil within something is no misfit of any verb.
    return "<nil>" if value is None else _printed(value, scalar)


def real(number: float, *, smallest: int = -4, largest: int = 21) -> str:
    """A float64 in the fewest digits; in scientific form outside these powers of ten."""
    if number != number or number in (float("inf"), float("-inf")):
        return {"nan": "NaN", "inf": "+Inf"}.get(str(number), "-Inf")
    sign, digits, _ = Decimal(repr(number)).as_tuple()
    shown = "".join(map(str, digits)).strip("0") or "0"
    power = Decimal(repr(number)).adjusted() if number else 0
    if smallest <= power < largest:
        fixed = format(Decimal(repr(number)), "f")
        return fixed.rstrip("0").removesuffix(".") if "." in fixed else fixed
    mantissa = f"{shown[0]}.{shown[1:]}" if len(shown) > 1 else shown
    return f"{'-' if sign else ''}{mantissa}e{power:+03d}"


def to_json(value: Value) -> str:
    """A value as json.Marshal writes it: no blanks, sorted keys, HTML's own signs escaped."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).translate(_HTML)
    if isinstance(value, (bool, int)):
        return json.dumps(value)
    if isinstance(value, float):
        return re.sub(r"e-0(\d)$", r"e-\1", real(value, smallest=-6))
    if isinstance(value, Record):
        return _json_object(_members(value))
    if value is None or (value.nil and not (isinstance(value, Array) and value.single)):
        return "null"
    if isinstance(value, Table):
        return _json_object(value.entries.items())
    if value.single and len(value.items) == 1:
        return to_json(value.items[0])
    return f"[{','.join(map(to_json, value.items))}]"


def _json_object(members: Iterable[tuple[str, Value]]) -> str:
    return f"{{{','.join(f'{to_json(key)}:{to_json(item)}' for key, item in members)}}}"


def _members(record: Record) -> Iterable[tuple[str, Value]]:
    for name, value in record.fields.items():
        key, rule = record.keys.get(name, (name, "keep"))
        if rule == "omit nil" and value is None:
            continue
        if rule == "omit empty" and _empty(value):
            continue
        yield key, value


def _empty(value: Value) -> bool:
    if isinstance(value, Table):
        return not value.entries
    return not value.items if isinstance(value, Array) else value is None or value == ""


def joined(values: Iterable[Value]) -> str:
    """As `print` does: a blank between two that are no strings."""
    parts: list[str] = []
    before: Value = ""
    for value in values:
        if parts and not isinstance(value, str) and not isinstance(before, str):
            parts.append(" ")
        parts.append(text(value))
        before = value
    return "".join(parts)


def formatted(form: str, values: list[Value]) -> str:
    """As `printf` does, for %s %d %v %q %t and %%, and with its marks for what doesn't fit.

    Raises:
        ValueError: another verb, or a width.
    """
    rest = iter(values)
    used = 0

    def one(found: re.Match[str]) -> str:
        nonlocal used
        verb = found[1]
        if verb == "%":
            return "%"
        if not verb:
            return "%!(NOVERB)"
        if verb not in _VERBS:
            raise ValueError(f"verb %{verb} is not supported")
        used += 1
        return _by_verb(verb, next(rest)) if used <= len(values) else f"%!{verb}(MISSING)"

    result = _VERB.sub(one, form)
    extra = ", ".join(f"{_typed(value)}" for value in values[used:])
    return f"{result}%!(EXTRA {extra})" if extra else result


def _typed(value: Value) -> str:
    return "<nil>" if value is None else f"{type_name(value)}={text(value)}"


def _by_verb(verb: str, value: Value) -> str:
    def scalar(item: Value) -> str:
        if verb == "v":
            return _plain(item)
        if isinstance(item, str) and verb in "sq":
            return item if verb == "s" else quote(item)
        if isinstance(item, bool) and verb == "t":
            return _plain(item)
        if isinstance(item, int) and not isinstance(item, bool) and verb in "dq":
            return str(item) if verb == "d" else quote_rune(item)
        return f"%!{verb}({_typed(item)})"

    return _printed(value, scalar)
