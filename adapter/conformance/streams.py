"""What statements say of a stream: NDJSON, OpenAI's events, Anthropic's events.

`kind` is ndjson, sse-openai or sse-events. NDJSON may hold no blank line and ends in a newline.
A *chunk* in a fault is one object of the stream; an HTTP chunk is called so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from adapter.conformance.reply import Reply, parsed
from adapter.conformance.values import MISSING, Faults, compare, dig, each, nulls, shown, unless

KINDS = ("ndjson", "sse-openai", "sse-events")


@dataclass(frozen=True)
class Stream:
    chunks: list[Any]
    http_chunks: list[bytes]
    events: list[str] = field(default_factory=list)
    """Names of server-sent events, in order."""
    done_marker: bool = False
    """Whether `data: [DONE]` was seen."""


def check_stream(rules: dict[str, Any], reply: Reply) -> Faults:
    """Raises Unreadable."""
    read = _read_ndjson if rules["kind"] == "ndjson" else _read_events
    stream, faults = read(reply)
    faults += unless(reply.ended, "the connection closed before the stream was complete")
    if not stream.chunks:
        return [*faults, "no chunks"]
    return faults + [fault for name, rule in rules.items() for fault in RULES[name](rule, stream)]


def _read_ndjson(reply: Reply) -> tuple[Stream, Faults]:
    *lines, rest = reply.text.split("\n")
    faults = unless(rest == "", f"no newline after the last line: {shown(rest)}")
    faults += unless(all(line.strip() for line in lines), "a blank line")
    objects = [parsed(line) for line in [*lines, rest] if line.strip()]
    return Stream(objects, reply.chunks), faults


def _read_events(reply: Reply) -> tuple[Stream, Faults]:
    fields = [line.partition(":") for line in reply.text.split("\n")]
    data = [value.strip() for name, _, value in fields if name == "data"]
    names = [value.strip() for name, _, value in fields if name == "event"]
    objects = [parsed(item) for item in data if item != "[DONE]"]
    return Stream(objects, reply.chunks, names, "[DONE]" in data), []


def _says_done(chunk: Any) -> bool:
    return isinstance(chunk, dict) and bool(chunk.get("done"))


def _only_last_done(_: Any, stream: Stream) -> Faults:
    places = [number for number, chunk in enumerate(stream.chunks) if _says_done(chunk)]
    last = len(stream.chunks) - 1
    return unless(places == [last], f"expected done in chunk {last} only, got it in {places}")


def _last_is_error(_: Any, stream: Stream) -> Faults:
    last = stream.chunks[-1]
    alone = isinstance(last, dict) and list(last) == ["error"]
    good = alone and isinstance(last["error"], str)
    return unless(good, f"expected nothing but an error text in the last chunk, got {shown(last)}")


def _order(paths: list[str], stream: Stream) -> Faults:
    """Chunks with the one come before those with the other; an empty text counts as absent."""
    first, second = (
        [i for i, chunk in enumerate(stream.chunks) if dig(chunk, path) not in (MISSING, "")]
        for path in paths
    )
    if not (first and second):
        return [f"no chunk with {paths[1] if first else paths[0]}"]
    fault = f"{paths[0]} comes until chunk {first[-1]}, {paths[1]} from chunk {second[0]} on"
    return unless(first[-1] <= second[0], fault)


def _role_only_first(_: Any, stream: Stream) -> Faults:
    rest = enumerate(stream.chunks[1:], 1)
    path = "choices.0.delta.role"
    return [f"chunk {i}: a role again" for i, chunk in rest if dig(chunk, path) is not MISSING]


def _one_object_each(_: Any, stream: Stream) -> Faults:
    """Some clients read an HTTP chunk as one JSON text."""
    broken = [chunk for chunk in stream.http_chunks if not _is_one_line(chunk)]
    good = not broken and len(stream.http_chunks) == len(stream.chunks)
    counts = f"{len(stream.chunks)} objects came in {len(stream.http_chunks)} HTTP chunks"
    return unless(good, f"expected one object in each HTTP chunk; {counts}")


def _is_one_line(data: bytes) -> bool:
    return data.endswith(b"\n") and data.count(b"\n") == 1


def check_order(keys: list[str], value: Any, where: str = "body") -> Faults:
    """Those of the keys that are there come in this order; others may stand anywhere."""
    if not isinstance(value, dict):
        return [f"{where}: expected an object, got {shown(value)}"]
    places = [keys.index(key) for key in value if key in keys]
    good = all(earlier < later for earlier, later in pairwise(places))
    return unless(good, f"{where}: expected the keys in the order {keys}, got {list(value)}")


def _at_least(least: int, stream: Stream) -> Faults:
    return unless(len(stream.chunks) >= least, f"{len(stream.chunks)} chunks, expected {least}")


def _any(want: Any, stream: Stream) -> Faults:
    found = any(not compare(want, chunk) for chunk in stream.chunks)
    return unless(found, f"no chunk like {shown(want)}")


def _event(which: slice) -> Callable[[Any, Stream], Faults]:
    return lambda want, s: unless(
        s.events[which] == [want], f"expected the event {want}, got {s.events[which]}"
    )


def _each_chunk(which: slice) -> Callable[[Any, Stream], Faults]:
    return lambda want, stream: each(want, stream.chunks[which], "chunk")


def _last(want: Any, stream: Stream) -> Faults:
    return compare(want, stream.chunks[-1], "last chunk")


RULES: dict[str, Callable[[Any, Stream], Faults]] = {
    "kind": lambda kind, _: unless(kind in KINDS, f"unknown kind {kind}"),
    "min_chunks": _at_least,
    "every": _each_chunk(slice(None)),
    "first": _each_chunk(slice(0, 1)),
    "nonfinal": _each_chunk(slice(0, -1)),
    "last": _last,
    "final": _last,
    "nonfinal_absent": lambda paths, s: [
        f"chunk {i}: {path} comes before the last"
        for path in paths
        for i, chunk in enumerate(s.chunks[:-1])
        if dig(chunk, path) is not MISSING
    ],
    "only_last_done": _only_last_done,
    "no_done": lambda _, s: [f"{shown(c)} has done" for c in s.chunks if _says_done(c)],
    "last_is_error": _last_is_error,
    "any": _any,
    "order": _order,
    "role_only_first": _role_only_first,
    "done_marker": lambda want, s: unless(
        s.done_marker is want, f"[DONE] seen: {s.done_marker}, expected {want}"
    ),
    "first_event": _event(slice(0, 1)),
    "second_event": _event(slice(1, 2)),
    "last_event": _event(slice(-1, None)),
    "contains_events": lambda names, s: [f"no event {n}" for n in names if n not in s.events],
    "one_object_each": _one_object_each,
    "no_nulls": lambda _, s: [
        f"null at {place}" for i, c in enumerate(s.chunks) for place in nulls(c, f"chunk {i}")
    ],
    "keys_in_order": lambda keys, s: [
        fault
        for i, chunk in enumerate(s.chunks)
        for fault in check_order(keys, chunk, f"chunk {i}")
    ],
}
"""Rule name to check: what the statement says, and the stream. Names are those of the data."""
