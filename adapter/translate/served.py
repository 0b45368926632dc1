"""An engine's list of models → what can be asked of each."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import orjson

from adapter.errors import UpstreamBroken
from adapter.wire.openai import CHAT_PATH, EMBEDDINGS_PATH, ServedModel
from adapter.wire.v1 import RERANK_PATH

_ABILITIES = {CHAT_PATH: "completion", EMBEDDINGS_PATH: "embedding"}
TASK_ROUTES = (*_ABILITIES, RERANK_PATH)
"""The routes that tell an engine's task: vLLM has those of its model's task only. A model that
embeds also ranks, by the likeness of its vectors."""

_RANKER = re.compile("rerank", re.IGNORECASE)
_EMBEDDER = re.compile(r"embed|minilm|(^|[/_-])(bge|e5|gte)-", re.IGNORECASE)


def read_served(body: bytes, routes: Collection[str]) -> list[ServedModel]:
    """The rows of /v1/models; `routes`: which of TASK_ROUTES the engine has.

    Raises:
        UpstreamBroken: the body is no list of models.
    """
    try:
        rows = [_row(row, routes) for row in orjson.loads(body)["data"]]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise UpstreamBroken("the engine sent a malformed list of models") from None
    lengths = {row.id: row.context_length for row in rows}
    return [row if row.context_length else _as_long(row, lengths) for row in rows]


def _as_long(row: ServedModel, lengths: Mapping[str, int | None]) -> ServedModel:
    """vLLM tells no length of an adapter: it has its base's."""
    return replace(row, context_length=lengths.get(row.parent))


def _row(row: dict[str, Any], routes: Collection[str]) -> ServedModel:
    length = row.get("max_model_len")
    parent = str(row.get("parent") or "")
    return ServedModel(
        id=str(row["id"]),
        root=str(row.get("root") or ""),
        parent=parent,
        context_length=length if type(length) is int and length > 0 else None,
        capabilities=capabilities(parent or str(row["id"]), routes),
    )


def capabilities(served_name: str, routes: Collection[str]) -> frozenset[str]:
    """The model's task; none for one that ranks alone: Ollama has no word for it.

    An engine that has the routes of all, or hides them, leaves only the name.
    """
    tasks = frozenset(task for route, task in _ABILITIES.items() if route in routes)
    if len(tasks) == 1 or (routes and not tasks):
        return tasks
    if _RANKER.search(served_name):
        return frozenset()
    return frozenset({"embedding" if _EMBEDDER.search(served_name) else "completion"})
