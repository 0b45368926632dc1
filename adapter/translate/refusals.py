"""An engine's refusal (an answer that is no 200) → what the client is told.

Statuses are kept and messages unwrapped, but for cases that Ollama words itself or that are not
the client's doing. Recorded from vLLM 0.32.
"""

from __future__ import annotations

from typing import Any

import orjson

from adapter.errors import AdapterError, Busy, PromptTooLong, RouteMissing, UpstreamRefused
from adapter.translate.reading import error_text

SERVER_BUSY = "server busy, please try again.  maximum pending requests exceeded"
PROMPT_TOO_LONG = (
    "the prompt is longer than the context length currently available to the model; shorten the "
    "prompt, adjust the context length in settings, or use a model with a longer context length"
)
INPUT_TOO_LONG = "the input length exceeds the context length"
BAD_GATEWAY = 502

_LENGTH_PARAMS = ("input_tokens", "input_text")


def refusal(status: int, body: bytes, *, too_long: str = PROMPT_TOO_LONG) -> AdapterError:
    """The error for a status and body; `too_long` is the route's text for an input over length."""
    parsed = _parsed(body)
    message = error_text(parsed) if parsed else f"the engine answered with status {status}"
    if status in (401, 403):
        text = f"the engine refused the adapter's API key: {message}"
        return UpstreamRefused(text, status=BAD_GATEWAY)
    if status < 400:
        return UpstreamRefused(f"the engine answered with status {status}", status=BAD_GATEWAY)
    if status == 400 and _is_length(parsed, message):
        return PromptTooLong(too_long)
    if status == 404 and isinstance(parsed, dict) and "detail" in parsed:
        return RouteMissing(message, status=status)
    if status == 503 and "cannot accept new requests" in message:
        return Busy(SERVER_BUSY)
    return UpstreamRefused(message, status=status)


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace").strip()[:500]


def _is_length(body: Any, message: str) -> bool:
    error = body.get("error") if isinstance(body, dict) else None
    param = error.get("param") if isinstance(error, dict) else None
    return param in _LENGTH_PARAMS or "maximum context length" in message
