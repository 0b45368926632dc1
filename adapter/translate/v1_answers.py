"""Whole answers of the engine → what the client gets: the same, but for what a table here names.

Each function changes an answer in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from adapter.errors import UpstreamBroken
from adapter.translate.faults import ABORTED, BROKEN_FINISHES, failed
from adapter.translate.ndjson import dumps

FINGERPRINT = "fp_ollama"
"""Ollama's; only for an engine that has none."""

_CACHED = ("cache_creation_input_tokens", "cache_read_input_tokens")

Answer = dict[str, Any]
Change = Callable[[Answer], None]


def number_calls(answer: Answer) -> None:
    """Ollama's calls have an index; vLLM leaves it out where it does not stream."""
    for choice in answer.get("choices") or ():
        for at, call in enumerate((choice.get("message") or {}).get("tool_calls") or ()):
            call.setdefault("index", at)


def add_fingerprint(answer: Answer) -> None:
    """Clients with strict types want a string."""
    if not isinstance(answer.get("system_fingerprint"), str):
        answer["system_fingerprint"] = FINGERPRINT


def refuse_broken(answer: Answer) -> None:
    """Raises EngineFault for an answer that the engine gave up."""
    for choice in answer.get("choices") or ():
        if choice.get("finish_reason") in BROKEN_FINISHES:
            raise failed(ABORTED)


def name_message(answer: Answer) -> None:
    """Anthropic's ids begin with `msg_`."""
    answer["id"] = with_prefix(answer.get("id"), "msg_")


def name_response(answer: Answer) -> None:
    """OpenAI's ids of responses begin with `resp_`."""
    answer["id"] = with_prefix(answer.get("id"), "resp_")


def with_prefix(given: Any, prefix: str) -> str:
    """The engine's id with another beginning."""
    text = str(given or "")
    return text if text.startswith(prefix) else prefix + text.removeprefix("chatcmpl-")


GENERATED: tuple[Change, ...] = (refuse_broken, number_calls, add_fingerprint)
MESSAGE: tuple[Change, ...] = (name_message,)
RESPONSE: tuple[Change, ...] = (name_response,)


def whole(body: bytes, asked: str, changes: tuple[Change, ...]) -> tuple[bytes, tuple[int, int]]:
    """The client's bytes for the engine's, and the tokens it counted (prompt, generated).

    Raises:
        UpstreamBroken: it is no JSON object.
        EngineFault: the engine gave up.
    """
    try:
        answer = orjson.loads(body)
        if "model" in answer:
            answer["model"] = asked
        for change in changes:
            change(answer)
        return dumps(answer), counts(answer.get("usage"))
    except (orjson.JSONDecodeError, AttributeError, TypeError):
        raise UpstreamBroken("the engine sent a malformed answer") from None


def counts(usage: Any) -> tuple[int, int]:
    """Tokens of prompt and answer, in OpenAI's or Anthropic's words; 0 where they are not told."""
    if not isinstance(usage, Mapping):
        return 0, 0
    prompt = _count(usage.get("prompt_tokens", usage.get("input_tokens")))
    # Anthropic's input_tokens are only those that were not in a cache.
    cached = sum(_count(usage.get(name)) for name in _CACHED)
    generated = usage.get("completion_tokens", usage.get("output_tokens"))
    return prompt + cached, _count(generated)


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 2**53 else 0
