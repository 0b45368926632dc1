"""What a real Ollama tells of its models → rows of the catalog. Source: `server/routes.go`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from adapter.errors import UpstreamBroken
from adapter.wire.openai import ServedModel

_DIGEST = re.compile(r"[0-9a-f]{64}")


def read_tags(body: bytes) -> list[ServedModel]:
    """The rows of /api/tags.

    Raises:
        UpstreamBroken: the body is no such list.
    """
    try:
        return [_row(row) for row in orjson.loads(body)["models"] or ()]
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        raise UpstreamBroken("the Ollama sent a malformed list of models") from None


def _row(row: dict[str, Any]) -> ServedModel:
    digest = str(row.get("digest") or "").removeprefix("sha256:")
    details = row.get("details") or {}
    return ServedModel(
        id=str(row.get("model") or row["name"]),
        root=digest if _DIGEST.fullmatch(digest) else "",
        context_length=_length(details.get("context_length")),
        capabilities=_capabilities(row, frozenset({"completion"})),
        told=row | {"modified_at": _date(row.get("modified_at"))},
    )


def _capabilities(told: Mapping[str, Any], untold: frozenset[str]) -> frozenset[str]:
    """Those that an Ollama tells, if it does: older ones don't, and none is an answer, too."""
    can = told.get("capabilities")
    return untold if can is None else frozenset(map(str, can))


def shown(row: ServedModel, body: bytes) -> ServedModel:
    """The row with what /api/show tells better: what a model can do, and its window."""
    try:
        answer: dict[str, Any] = orjson.loads(body)
        can = _capabilities(answer, row.capabilities)
        info: Mapping[str, Any] = answer.get("model_info") or {}
        lengths = [_length(info[key]) for key in info if key.endswith(".context_length")]
    except (orjson.JSONDecodeError, TypeError, AttributeError):
        return row
    length = next(filter(None, lengths), None)
    return replace(
        row,
        capabilities=can,
        context_length=row.context_length or length,
    )


def read_ps(body: bytes) -> list[dict[str, Any]]:
    """The rows of /api/ps. Raises UpstreamBroken if it is no such list."""
    try:
        return [dict(row) for row in orjson.loads(body)["models"] or ()]
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError):
        raise UpstreamBroken("the Ollama sent a malformed list of models") from None


def _length(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None


def _date(value: Any) -> str:
    """The date as it is told, or "" if it is none."""
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return ""
    return str(value)
