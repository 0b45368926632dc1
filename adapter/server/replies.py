"""Answers that are no streams, and errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import HttpVersion11, web

from adapter.errors import AdapterError
from adapter.translate.dialects import Dialect, error_body
from adapter.translate.ndjson import dumps

JSON = "application/json; charset=utf-8"
NDJSON = "application/x-ndjson"
EVENT_STREAM = "text/event-stream"


@dataclass(slots=True)
class Reply:
    """A whole answer, before it is known who writes it."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        """The same for aiohttp."""
        return web.Response(body=self.body, status=self.status, headers=self.headers)


def json_bytes(body: bytes, status: int = 200) -> Reply:
    """An answer of JSON that is written already."""
    return Reply(body, status, {"Content-Type": JSON})


def json_reply(value: Any, status: int = 200) -> web.Response:
    return json_bytes(dumps(value), status).response()


def empty_reply(status: int = 200) -> web.Response:
    """Done, and nothing to say."""
    return web.Response(status=status)


def error_reply(error: AdapterError, dialect: Dialect = "ollama", request_id: str = "") -> Reply:
    """The error's status, and its message as the dialect says it."""
    body = error_body(dialect, error.status, error.message, request_id)
    reply = json_bytes(dumps(body), error.status)
    if error.retry_after is not None:
        reply.headers["Retry-After"] = str(error.retry_after)
    return reply


async def begin_stream(
    request: web.Request, headers: Mapping[str, str], status: int = 200, length: int | None = None
) -> web.StreamResponse:
    """An answer in pieces, with its status sent."""
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = length
    if request.version < HttpVersion11:
        response.force_close()  # nothing else tells such a client that the answer is over
    await response.prepare(request)
    return response


def text_reply(text: str, status: int = 200) -> web.Response:
    return web.Response(body=text.encode(), status=status, headers={"Content-Type": "text/plain"})
