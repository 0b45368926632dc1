"""What statements say of an answer: status, headers, text, JSON, stream.

`check(expect, reply)` is the whole of it; `expect` maps names of RULES to what they demand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from adapter.conformance.reply import Reply, Unreadable
from adapter.conformance.streams import check_order, check_stream
from adapter.conformance.values import (
    MISSING,
    Faults,
    compare,
    dig,
    each,
    is_number,
    nulls,
    shown,
    unless,
)

NORM_TOLERANCE = 1e-3
Rule = Callable[[Any, Reply], Faults]


def check(expect: dict[str, Any], reply: Reply) -> Faults:
    """Every way in which the reply is not as expected."""
    return [fault for name, rule in expect.items() for fault in _apply(name, rule, reply)]


def _apply(name: str, rule: Any, reply: Reply) -> Faults:
    try:
        return RULES[name](rule, reply)
    except Unreadable as error:
        return [f"{name}: {error}"]


def _status(want: int | list[int], reply: Reply) -> Faults:
    """One, or any of several."""
    allowed = want if isinstance(want, list) else [want]
    words = " or ".join(map(str, allowed))
    return unless(reply.status in allowed, f"status: expected {words}, got {reply.status}")


def _content_type(want: str, reply: Reply) -> Faults:
    got = reply.headers.get("content-type", "")
    return unless(got.startswith(want), f"Content-Type: expected {want}, got {got or 'none'}")


def _headers(wanted: dict[str, str], reply: Reply) -> Faults:
    return [
        fault
        for name, want in wanted.items()
        for fault in compare(want, reply.headers.get(name.lower(), MISSING), f"header {name}")
    ]


def _text(want: str, reply: Reply) -> Faults:
    return unless(reply.text == want, f"expected the text {want!r}, got {shown(reply.text)}")


def _equals(want: Any, reply: Reply) -> Faults:
    return unless(reply.json == want, f"expected exactly {shown(want)}, got {shown(reply.json)}")


def _key_order(keys: list[str], reply: Reply) -> Faults:
    good = isinstance(reply.json, dict) and list(reply.json) == keys
    return unless(good, f"expected exactly the keys {keys}, got {shown(reply.json)}")


def _norm(rule: dict[str, Any], reply: Reply) -> Faults:
    path, vector = rule["path"], dig(reply.json, rule["path"])
    if not (isinstance(vector, list) and all(map(is_number, vector))):
        return [f"{path}: expected a vector, got {shown(vector)}"]
    norm, length = math.hypot(*vector), rule.get("len", len(vector))
    faults = unless(len(vector) == length, f"{path}: expected {length} numbers, got {len(vector)}")
    near = abs(norm - rule["norm"]) <= NORM_TOLERANCE
    return faults + unless(near, f"{path}: expected the norm {rule['norm']}, got {norm:.4f}")


def _numbers_of_the_architecture(keys: list[str], reply: Reply) -> Faults:
    """`model_info["<general.architecture>.<key>"]` is a number."""
    info = dig(reply.json, "model_info")
    if not isinstance(info, dict):
        return [f"model_info: expected an object, got {shown(info)}"]
    names = [f"{info.get('general.architecture')}.{key}" for key in keys]
    return [f"model_info has no number {name}" for name in names if not is_number(info.get(name))]


def _at_paths(test: Callable[[Any, Any, str], Faults]) -> Rule:
    """A rule {path: argument}: the test gets the value there, the argument and the path."""
    return lambda rule, reply: [
        fault
        for path, argument in rule.items()
        for fault in test(dig(reply.json, path), argument, path)
    ]


def _on_list(test: Callable[[list[Any], Any], bool], words: str) -> Rule:
    def checked(items: Any, argument: Any, path: str) -> Faults:
        good = isinstance(items, list) and test(items, argument)
        return unless(good, f"{path}: expected {words} {shown(argument)}, got {shown(items)}")

    return _at_paths(checked)


def _all_equal(items: list[Any], keys: list[str]) -> bool:
    one, other = keys
    return all(dig(item, one) == dig(item, other) is not MISSING for item in items)


RULES: dict[str, Rule] = {
    "status": _status,
    "content_type": _content_type,
    "resp_headers": _headers,
    "absent_headers": lambda names, r: [
        f"header {name} is there: {r.headers[name.lower()]}"
        for name in names
        if name.lower() in r.headers
    ],
    "body_text": _text,
    "body_equals": _equals,
    "body_subset": lambda want, r: compare(want, r.json),
    "absent": lambda paths, r: [
        f"{path} is there: {shown(dig(r.json, path))}"
        for path in paths
        if dig(r.json, path) is not MISSING
    ],
    "if_present": _at_paths(lambda got, want, at: [] if got is MISSING else compare(want, got, at)),
    "no_nulls": lambda _, r: [f"null at {place}" for place in nulls(r.json)],
    "key_order": _key_order,
    "keys_in_order": lambda keys, r: check_order(keys, r.json),
    "count": _on_list(lambda items, length: len(items) == length, "a list of length"),
    "every_in": _at_paths(lambda items, want, path: each(want, items, path)),
    "any_in": _on_list(lambda items, want: any(not compare(want, i) for i in items), "one like"),
    "equal_in": _on_list(_all_equal, "the same under both of"),
    "subset_of": _on_list(lambda items, known: all(i in known for i in items), "only words of"),
    "contains": _on_list(lambda items, wanted: all(w in items for w in wanted), "all of"),
    "not_contains": _on_list(lambda items, banned: not any(b in items for b in banned), "none of"),
    "vector_norm": _norm,
    "arch_keys": _numbers_of_the_architecture,
    "stream_rules": check_stream,
    "unverifiable": lambda _reason, _reply: [],
}
"""Rule name to check: what the statement says, and the reply. Names are those of the data."""
