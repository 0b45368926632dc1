"""vLLM's logprobs, of chat and of completions → rows as Ollama lays them out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from adapter.translate.events import Logprobs


def read(raw: Any) -> Logprobs:
    """The rows in a choice's `logprobs`, in the order of the tokens.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is no such thing.
    """
    if "content" in raw:
        content = raw["content"] or ()
        return [_row(token) | {"top_logprobs": list(map(_row, _top(token)))} for token in content]
    return list(_of_completions(raw))


def _row(token: Mapping[str, Any]) -> dict[str, Any]:
    text = token["token"]
    return _laid_out(text, token["logprob"], token.get("bytes"))


def _top(token: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return token.get("top_logprobs") or []


def _laid_out(text: str, logprob: float, octets: list[int] | None = None) -> dict[str, Any]:
    return {
        "token": text,
        "logprob": float(logprob),
        "bytes": list(text.encode()) if octets is None else octets,
    }


def _of_completions(raw: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    columns = (raw["tokens"], raw["token_logprobs"], raw.get("top_logprobs") or ())
    for text, logprob, top in zip_longest(*columns):
        if logprob is None:  # the first token of an echoed prompt has none
            continue
        likeliest = sorted((top or {}).items(), key=lambda pair: -pair[1])
        yield _laid_out(text, logprob) | {
            "top_logprobs": [_laid_out(other, value) for other, value in likeliest]
        }


def shown(rows: Logprobs, top: int) -> list[Mapping[str, Any]]:
    """The rows with at most `top` alternatives each, and without the key if none were asked for."""
    return [_with_top(row, top) for row in rows]


def _with_top(row: Mapping[str, Any], top: int) -> dict[str, Any]:
    bare = {key: value for key, value in row.items() if key != "top_logprobs"}
    return bare | {"top_logprobs": row["top_logprobs"][:top]} if top else bare
