"""Answers that are no streams, and errors in Ollama's dialect."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from adapter.errors import AdapterError
from adapter.translate.ndjson import dumps

JSON = "application/json; charset=utf-8"
NDJSON = "application/x-ndjson"


def json_reply(value: Any, status: int = 200) -> web.Response:
    return json_bytes(dumps(value), status)


def json_bytes(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, headers={"Content-Type": JSON})


def error_reply(error: AdapterError) -> web.Response:
    """`{"error": "…"}` with the error's status."""
    response = json_reply({"error": error.message}, error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def text_reply(text: str, status: int = 200) -> web.Response:
    return web.Response(body=text.encode(), status=status, headers={"Content-Type": "text/plain"})
