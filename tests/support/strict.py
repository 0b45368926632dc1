"""What the strictest client of Ollama demands of an answer: Go's decoder, serde, zod, Swift."""

from __future__ import annotations

import re
from typing import Any

from tests.support.raw_http import Reply

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}(Z|[+-]\d\d:\d\d)")
INTEGERS = re.compile(r".*_(duration|count)$|^(size|size_vram|context_length|total|completed)$")
INSTANTS = ("created_at", "modified_at", "expires_at")
METRICS = (
    *("total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration"),
    *("eval_count", "eval_duration"),
)
SEPARATORS = (b"\xe2\x80\xa8", b"\xe2\x80\xa9", b"\xc2\x85")


def check_values(value: Any, key: str = "") -> None:
    """No null, integers where integers belong, times with a fraction and a zone."""
    assert value is not None, f"{key} is null"
    if isinstance(value, dict):
        for name, inner in value.items():
            check_values(inner, name)
    elif isinstance(value, list):
        for inner in value:
            check_values(inner, key)
    elif key in INSTANTS:
        assert INSTANT.fullmatch(value), f"{key}: {value}"
    elif INTEGERS.fullmatch(key) and not isinstance(value, str):
        assert type(value) is int, f"{key}: {value!r}"


def check_line(line: dict[str, Any]) -> None:
    """One object of /api/chat or /api/generate."""
    check_values(line)
    if "error" in line:
        assert list(line) == ["error"]
        assert isinstance(line["error"], str)
        return
    assert list(line)[:2] == ["model", "created_at"]
    assert isinstance(line["done"], bool)
    if "message" in line:
        assert list(line["message"])[:2] == ["role", "content"]
        for call in line["message"].get("tool_calls", ()):
            assert isinstance(call["function"]["arguments"], dict)
    else:
        assert isinstance(line["response"], str)
    if line["done"] and line["done_reason"] not in ("load", "unload"):
        assert line["done_reason"] in ("stop", "length")
        assert [key for key in METRICS if key not in line] == []


def check_stream(reply: Reply) -> list[dict[str, Any]]:
    """The lines: nothing but JSON, an HTTP chunk for each, the last one final."""
    assert reply.headers["content-type"].startswith("application/x-ndjson")
    assert all(chunk.endswith(b"\n") and chunk.count(b"\n") == 1 for chunk in reply.chunks)
    assert not any(separator in reply.body for separator in SEPARATORS)
    lines = reply.lines
    for line in lines:
        check_line(line)
    assert [line.get("done", True) for line in lines] == [False] * (len(lines) - 1) + [True]
    return lines
