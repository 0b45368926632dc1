"""Answers of the real Ollama server, compared with ours, all of them.

Compared: the status, the headers of HEADERS, how the body is framed, the number of HTTP chunks of
a stream of lines, and every value of every object in it: keys, their order, types, texts, numbers.
Not compared: what the recording calls volatile (times, ids, durations; their type is), the size of
a body, and what OTHER_ON_PURPOSE names.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import House
from tests.support.deviations import OTHER_ON_PURPOSE
from tests.support.raw_http import Reply, send

FILE = Path(__file__).parent / "golden.jsonl"
EXCHANGES = [json.loads(line) for line in FILE.read_text("utf-8").split("\n") if line]
HEADERS = (
    "content-type",
    "allow",
    "location",
    "vary",
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-allow-credentials",
    "access-control-max-age",
)
STREAMS = ("application/x-ndjson", "text/event-stream")
OURS = {"prompt_eval_cached_count", "prompt_tokens_details"}
"""Keys of later releases."""
ROUNDING = 1e-6
COPIED = {"MGMT-14", "MGMT-15"}
"""Recorded after the copy of MGMT-13."""


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange["id"])
async def test_an_answer_is_that_of_ollama(house: House, exchange: dict[str, Any]):
    other = OTHER_ON_PURPOSE.get(exchange["id"], {})
    recorded = exchange["response"]
    headers: dict[str, str] = {}
    for name, value in recorded["headers"]:
        headers[name.lower()] = ", ".join(filter(None, [headers.get(name.lower()), value]))
    ours = await asked(house.adapter.url, exchange)
    if "answer" in other:
        return

    assert ours.status == int(recorded["status_line"].split(" ")[1]) or "status" in other
    for name in HEADERS:
        if f"header:{name}" not in other:
            assert header(ours.headers, name) == header(headers, name), name
    content_type = header(headers, "content-type")
    if recorded["framing"] == "none" or "body" in other:
        return
    volatile = set(exchange["volatile"]) | other.keys()
    compare = assert_within if "superset" in other else assert_same
    theirs = recorded.get("chunks") or [recorded.get("body", "")]
    if content_type == "application/x-ndjson":
        assert "transfer-encoding" in ours.headers
        assert all(chunk.endswith(b"\n") for chunk in ours.chunks)
        assert_same([*map(json.loads, ours.chunks)], [*map(json.loads, theirs)], volatile)
    elif content_type == "text/event-stream" and "pieces" in other:
        assert joined(events(ours.text)) == joined(events("".join(theirs)))
    elif content_type == "text/event-stream":
        compare(events(ours.text), events("".join(theirs)), volatile)
    elif content_type == "application/json":
        compare(ours.json, json.loads("".join(theirs)), volatile)
    else:
        assert ours.text == "".join(theirs)


async def asked(url: str, exchange: dict[str, Any]) -> Reply:
    before = list(exchange.get("before", ()))
    if exchange["id"] in COPIED:
        before.append('POST /api/copy HTTP/1.1 {"source":"nat","destination":"conf-copy"}')
    for earlier in before:
        method, path, _, body = earlier.split(" ", 3)
        await send(url, method, path, body.encode())
    request = exchange["request"]
    method, path, _ = request["line"].split(" ")
    body = request["body"].encode() if "body" in request else None
    headers = {name: value for name, value in request["headers"] if name != "Content-Length"}
    return await send(url, method, path, body, headers)


def header(headers: dict[str, str], name: str) -> str:
    """Its value; of a Content-Type only the kind, of Vary the names in any spelling."""
    value = headers.get(name, "")
    if name == "vary":
        return ",".join(sorted(part.strip().lower() for part in value.split(",")))
    return value.split(";")[0] if name == "content-type" else value


def events(text: str) -> list[Any]:
    """Server-sent events, in order: each its name and its data."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        data = fields["data"]
        found.append([fields.get("event"), data if data == "[DONE]" else json.loads(data)])
    return found


def assert_same(ours: Any, theirs: Any, volatile: set[str], where: str = "") -> None:
    """The same keys in the same order, and the same values where they don't change every time."""
    if is_volatile(where, volatile):
        assert type(ours) is type(theirs), where
    elif isinstance(theirs, dict):
        assert isinstance(ours, dict), where
        assert [key for key in ours if key not in OURS] == list(theirs), where
        for key in theirs:
            assert_same(ours[key], theirs[key], volatile, f"{where}.{key}".lstrip("."))
    elif isinstance(theirs, list):
        assert isinstance(ours, list), where
        assert len(ours) == len(theirs), where
        for mine, other in zip(ours, theirs, strict=True):
            assert_same(mine, other, volatile, where + "[]")
    elif isinstance(theirs, (int, float)) and not isinstance(theirs, bool):
        assert math.isclose(ours, theirs, abs_tol=ROUNDING), where
    else:
        assert ours == theirs, where


def is_volatile(where: str, volatile: set[str]) -> bool:
    """Recordings name the paths inside a line or an event without its number."""
    return bool(volatile & {where, where.removeprefix("[][].").removeprefix("[].")})


def assert_within(ours: Any, theirs: Any, volatile: set[str], where: str = "") -> None:
    """Theirs is part of ours: further keys, and another order of keys, are no difference."""
    if isinstance(theirs, dict) and not is_volatile(where, volatile):
        assert theirs.keys() <= ours.keys(), where
        for key in theirs:
            assert_within(ours[key], theirs[key], volatile, f"{where}.{key}".lstrip("."))
    elif isinstance(theirs, list) and not is_volatile(where, volatile):
        assert len(ours) == len(theirs), where
        for mine, other in zip(ours, theirs, strict=True):
            assert_within(mine, other, volatile, where + "[]")
    else:
        assert_same(ours, theirs, volatile, where)


def joined(found: list[Any]) -> dict[str, Any]:
    """What a client makes of an OpenAI stream, however it is cut into events."""
    whole: dict[str, Any] = {"text": "", "roles": [], "calls": {}, "reasons": [], "usage": None}
    *chunks, (_, last) = found
    assert last == "[DONE]"
    for _, chunk in chunks:
        whole |= {key: chunk[key] for key in ("object", "model")}
        whole["usage"] = chunk.get("usage") or whole["usage"]
        for choice in chunk["choices"]:
            delta = choice.get("delta", choice)
            whole["text"] += delta.get("content") or delta.get("text") or ""
            whole["roles"] += [delta["role"]] if delta.get("role") else []
            whole["reasons"] += [choice["finish_reason"]] if choice["finish_reason"] else []
            for call in delta.get("tool_calls") or ():
                kept = whole["calls"].setdefault(call["index"], {"id": "", "text": ""})
                kept["id"] += call.get("id") or ""
                function = call["function"]
                kept["text"] += (function.get("name") or "") + (function.get("arguments") or "")
    return whole


def test_no_deviation_is_of_an_exchange_that_was_not_recorded():
    assert OTHER_ON_PURPOSE.keys() <= {exchange["id"] for exchange in EXCHANGES}
