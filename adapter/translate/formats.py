"""Ollama's `format` → vLLM's response_format."""

from __future__ import annotations

from typing import Any

import orjson

from adapter.errors import BadFormat

_SCHEMA_NAME = "format"
"""vLLM wants the schema named; the name is not shown to the model."""


def response_format(value: Any) -> dict[str, Any] | None:
    """None for no format at all: null or "".

    Raises:
        BadFormat: it is neither "json" nor an object.
    """
    if value is None or value == "":
        return None
    if value == "json":
        return {"type": "json_object"}
    if isinstance(value, dict):
        return {"type": "json_schema", "json_schema": {"name": _SCHEMA_NAME, "schema": value}}
    quoted = orjson.dumps(orjson.dumps(value).decode()).decode()
    raise BadFormat(f'invalid format: {quoted}; expected "json" or a valid JSON Schema object')
