"""The three shapes of an error, chosen by the path that was asked for.

Sources: `middleware/openai.go:BaseWriter.writeError`, `anthropic/anthropic.go:NewError` of
Ollama 0.33.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Literal

Dialect = Literal["ollama", "openai", "anthropic"]

_OPENAI_TYPES: Mapping[int, str] = {400: "invalid_request_error", 404: "not_found_error"}
_ANTHROPIC_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    529: "overloaded_error",
}
_OTHER = "api_error"
_HEX = re.compile(r"[0-9a-f]{24}")


def dialect_of(path: str) -> Dialect:
    """The dialect that clients of a path understand."""
    if path == "/v1/messages" or path.startswith("/v1/messages/"):
        return "anthropic"
    return "openai" if path.startswith("/v1/") else "ollama"


def error_body(dialect: Dialect, status: int, message: str, request_id: str) -> dict[str, Any]:
    """An error as one JSON object, of an answer or of an event in a stream."""
    if dialect == "ollama":
        return {"error": message}
    if dialect == "openai":
        kind = _OPENAI_TYPES.get(status, _OTHER)
        return {"error": {"message": message, "type": kind, "param": None, "code": None}}
    error = {"type": _ANTHROPIC_TYPES.get(status, _OTHER), "message": message}
    return {"type": "error", "error": error, "request_id": _anthropic_id(request_id)}


def _anthropic_id(request_id: str) -> str:
    """`req_` and 24 hex digits: the beginning of our own ids, so that a log line is found by it."""
    match = _HEX.match(request_id)
    return "req_" + (match[0] if match else hashlib.sha256(request_id.encode()).hexdigest()[:24])
