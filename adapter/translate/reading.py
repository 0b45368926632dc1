"""Payloads of vLLM's event streams, chat and completions → events. Nobody else has seen one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from adapter.translate import logprobs
from adapter.translate.events import (
    CallPart,
    Done,
    EngineTimes,
    Event,
    Fault,
    Finish,
    Grounds,
    Text,
    Thinking,
    Tokens,
    Usage,
)

_LARGEST_NUMBER = 2**53
_ERROR_KEYS = ("error", "message", "detail")
_GROUNDS = ("sources", "citations", "search_results")
"""Names by which servers of OpenAI's API tell, beside its own fields, what an answer rests on."""
_NO_GROUNDS = frozenset(_GROUNDS).isdisjoint
_NO_ERROR = frozenset(_ERROR_KEYS).isdisjoint

MALFORMED = Fault("the engine sent a malformed event")


def read(payload: bytes) -> list[Event]:
    """The events of one payload, in the order of their happening.

    A payload that is no JSON, or no chunk of a completion, reads as a Fault: better a stream
    that says it broke than one with a hole.
    """
    if payload == b"[DONE]":
        return [Done()]
    try:
        chunk = orjson.loads(payload)
        if not _NO_ERROR(chunk) and any(chunk.get(key) for key in _ERROR_KEYS):
            return [Fault(error_text(chunk), error_status(chunk.get("error")))]
        return _read_chunk(chunk)
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        return [MALFORMED]


def _read_chunk(chunk: dict[str, Any]) -> list[Event]:
    events: list[Event] = []
    if prompt := chunk.get("prompt_token_ids"):
        events.append(Tokens(prompt=_ids(prompt)))
    for choice in chunk.get("choices") or ():
        _read_choice(choice, events)
    if usage := chunk.get("usage"):
        events.append(_usage(usage))
    if (metrics := chunk.get("metrics")) and (times := _times(metrics)):
        events.append(times)
    if not _NO_GROUNDS(chunk) and (told := {k: chunk[k] for k in _GROUNDS if chunk.get(k)}):
        events.append(Grounds(told))
    return events


def _read_choice(choice: dict[str, Any], events: list[Event]) -> None:
    delta = choice.get("delta") or {}
    rows = logprobs.read(raw) if (raw := choice.get("logprobs")) else ()
    text = _string(delta.get("content") or choice.get("text") or "")
    # Reasoning comes first in time when one event carries both.
    if thinking := delta.get("reasoning") or delta.get("reasoning_content"):
        events.append(Thinking(_string(thinking), () if text else rows))
    if text or (rows and not thinking):
        events.append(Text(text, rows))
    if calls := delta.get("tool_calls"):
        events.extend(map(_call_part, calls))
    # Chat tells the prompt's ids once above the choices, completions in the first choice.
    prompt, generated = choice.get("prompt_token_ids"), choice.get("token_ids")
    if prompt or generated:
        events.append(Tokens(_ids(prompt or ()), _ids(generated or ())))
    if reason := choice.get("finish_reason"):
        events.append(Finish(_string(reason)))


def _call_part(call: dict[str, Any]) -> CallPart:
    function = call.get("function") or {}
    return CallPart(
        index=int(_number(call.get("index"))),
        id=_string(call.get("id") or ""),
        name=_string(function.get("name") or ""),
        arguments=_string(function.get("arguments") or ""),
    )


def _ids(values: Any) -> Sequence[int]:
    if not all(type(value) is int for value in values):
        raise TypeError(values)
    return values  # type: ignore[no-any-return]  # a list of integers, as just checked


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _usage(usage: dict[str, Any]) -> Usage:
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    return Usage(
        prompt_tokens=int(_number(usage.get("prompt_tokens"))),
        completion_tokens=int(_number(usage.get("completion_tokens"))),
        cached_tokens=None if cached is None else int(_number(cached)),
    )


def _times(metrics: Any) -> EngineTimes | None:
    """The engine's times, or None if they are of no use: there is the adapter's own clock."""
    try:
        return EngineTimes(
            queue=_number(metrics.get("queue_time_ms")),
            first_token=_number(metrics.get("time_to_first_token_ms")),
            generation=_number(metrics.get("generation_time_ms")),
        )
    except (AttributeError, TypeError):
        return None


def _number(value: Any) -> float:
    if value is None:
        return 0
    if type(value) not in (int, float) or not 0 <= value < _LARGEST_NUMBER:
        raise TypeError(value)
    return float(value)


def error_status(error: Any) -> int:
    """The HTTP status that an error of the engine names; 500 if it names none."""
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 500


def error_text(body: Any) -> str:
    """The message inside an error of vLLM, FastAPI or another OpenAI server, whatever its shape."""
    while isinstance(body, dict):
        inner = next((body[key] for key in _ERROR_KEYS if body.get(key)), None)
        if inner is None:
            break
        body = inner
    return body if isinstance(body, str) else orjson.dumps(body).decode()
