"""Machine-checkable statements about Ollama's API: what a request must be answered with.

A statement holds `request` {method, path, headers, body | raw_body} and `expect`: `status`;
`content_type` (prefix); `body_text`, `body_equals` (exact); `body_subset`; `absent` [paths];
`key_order` [top-level keys]; `count` {path: length}; `every_in` {path: subset of each item};
`equal_in` {path: [key, key]}; `subset_of`, `contains`, `not_contains` {path: words};
`vector_norm` {path, norm, len?}; `arch_keys` [k]; `resp_headers`; `absent_headers`;
`stream_rules`.

Subset: the named keys of an object, a prefix of a list, numbers by value. Strings may be
matchers: `~re` (search), `$str $int $posint $num $bool $list $obj $rfc3339` (zone required).
Paths are dotted: `models.0.name`. Placeholders `{{plain}}` stand for model names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import orjson

from tests.support.raw_http import Reply

Faults = list[str]
PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class _Missing:
    def __repr__(self) -> str:
        return "missing"


MISSING = _Missing()


def fill(text: str, names: dict[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: names[match[1]], text)


def check(expect: dict[str, Any], reply: Reply) -> Faults:
    """Every way in which the reply is not as expected."""
    return [fault for name, rule in expect.items() for fault in RULES[name](rule, reply)]


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_rfc3339(value: Any) -> bool:
    return isinstance(value, str) and _RFC3339.fullmatch(value) is not None


KINDS: dict[str, Callable[[Any], bool]] = {
    "$str": lambda value: isinstance(value, str),
    "$int": lambda value: is_number(value) and isinstance(value, int),
    "$posint": lambda value: is_number(value) and isinstance(value, int) and value > 0,
    "$num": is_number,
    "$bool": lambda value: isinstance(value, bool),
    "$list": lambda value: isinstance(value, list),
    "$obj": lambda value: isinstance(value, dict),
    "$rfc3339": is_rfc3339,
}


def unless(good: bool, fault: str) -> Faults:
    return [] if good else [fault]


def compare(want: Any, got: Any, where: str = "body") -> Faults:
    """Every difference; see the module's text for what matches."""
    if isinstance(want, str) and want.startswith("~"):
        found = isinstance(got, str) and re.search(want[1:], got)
        return unless(bool(found), f"{where}: {got!r} !~ {want[1:]}")
    if isinstance(want, str) and want.startswith("$"):
        return unless(KINDS[want](got), f"{where}: {got!r} is not {want}")
    if isinstance(want, dict) and isinstance(got, dict):
        pairs = ((f"{where}.{key}", value, got.get(key, MISSING)) for key, value in want.items())
        return [fault for at, value, found in pairs for fault in compare(value, found, at)]
    if isinstance(want, list) and isinstance(got, list) and len(got) >= len(want):
        return [f for i, value in enumerate(want) for f in compare(value, got[i], f"{where}[{i}]")]
    same_type = type(want) is type(got) or (is_number(want) and is_number(got))
    good = same_type and not isinstance(want, list) and want == got
    return unless(good, f"{where}: {got!r}, expected {want!r}")


def each(want: Any, items: list[Any], where: str) -> Faults:
    return [fault for i, item in enumerate(items) for fault in compare(want, item, f"{where} {i}")]


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


Lines = list[dict[str, Any]]

STREAM_RULES: dict[str, Callable[[Any, Lines], Faults]] = {
    "kind": lambda kind, _: unless(kind == "ndjson", f"unknown kind {kind}"),
    "min_chunks": lambda least, s: unless(len(s) >= least, f"only {len(s)} chunks"),
    "every": lambda want, s: each(want, s, "chunk"),
    "first": lambda want, s: each(want, s[:1], "first chunk"),
    "last": lambda want, s: each(want, s[-1:], "last chunk"),
    "final": lambda want, s: each(want, s[-1:], "final chunk"),
    "nonfinal": lambda want, s: each(want, s[:-1], "chunk"),
    "nonfinal_absent": lambda paths, s: [
        f"{path} early" for path in paths for line in s[:-1] if dig(line, path) is not MISSING
    ],
    "only_last_done": lambda _, s: unless(
        [line for line in s if line.get("done")] == s[-1:], "done elsewhere"
    ),
    "no_done": lambda _, s: unless(not any(line.get("done") for line in s), "a chunk has done"),
    "last_is_error": lambda _, s: unless(
        list(s[-1]) == ["error"] and isinstance(s[-1]["error"], str), f"last is {s[-1]}"
    ),
}


def check_stream(rules: dict[str, Any], reply: Reply) -> Faults:
    lines = reply.text.split("\n")
    faults = unless(lines.pop() == "" and all(map(str.strip, lines)), "blank or unfinished line")
    objects = [orjson.loads(line) for line in lines if line.strip()]
    faults += unless(len(reply.chunks) == len(objects), f"{len(reply.chunks)} HTTP chunks")
    if not objects:
        return ["no chunks"]
    return faults + [f for name, rule in rules.items() for f in STREAM_RULES[name](rule, objects)]


def check_norm(rule: dict[str, Any], reply: Reply) -> Faults:
    vector = dig(reply.json, rule["path"])
    norm = math.hypot(*vector)
    good = abs(norm - rule["norm"]) <= 1e-3 and len(vector) == rule.get("len", len(vector))
    return unless(good, f"{rule['path']}: norm {norm:.4f}, length {len(vector)}")


def check_arch(keys: list[str], reply: Reply) -> Faults:
    info = reply.json["model_info"]
    names = [f"{info['general.architecture']}.{key}" for key in keys]
    return [f"model_info has no number {name}" for name in names if not is_number(info.get(name))]


def at_paths(test: Callable[[Any, Any], bool]) -> Callable[[dict[str, Any], Reply], Faults]:
    return lambda rule, reply: [
        f"{path} fails {want!r}"
        for path, want in rule.items()
        if not test(dig(reply.json, path), want)
    ]


RULES: dict[str, Callable[[Any, Reply], Faults]] = {
    "status": lambda want, r: unless(r.status == want, f"status {r.status}, expected {want}"),
    "content_type": lambda want, r: compare(
        "~^" + re.escape(want), r.headers.get("content-type"), "Content-Type"
    ),
    "resp_headers": lambda rule, r: compare(
        {name.lower(): want for name, want in rule.items()}, r.headers, "headers"
    ),
    "absent_headers": lambda names, r: [f"header {n}" for n in names if n.lower() in r.headers],
    "body_text": lambda want, r: unless(r.text == want, f"text {r.text[:80]!r}"),
    "body_equals": lambda want, r: unless(r.json == want, f"body is {r.text[:200]}"),
    "body_subset": lambda want, r: compare(want, r.json),
    "absent": lambda paths, r: [f"{p} present" for p in paths if dig(r.json, p) is not MISSING],
    "key_order": lambda keys, r: unless(list(r.json) == keys, f"key order {list(r.json)}"),
    "count": at_paths(lambda items, length: len(items) == length),
    "every_in": at_paths(lambda items, want: not each(want, items, "")),
    "equal_in": at_paths(lambda items, pair: all(i[pair[0]] == i[pair[1]] for i in items)),
    "subset_of": at_paths(lambda items, known: set(items) <= set(known)),
    "contains": at_paths(lambda items, wanted: set(wanted) <= set(items)),
    "not_contains": at_paths(lambda items, banned: not set(banned) & set(items)),
    "vector_norm": check_norm,
    "arch_keys": check_arch,
    "stream_rules": check_stream,
    "unverifiable": lambda _reason, _reply: [],
}
