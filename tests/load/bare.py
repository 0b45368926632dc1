"""The adapter's data plane and nothing else: `python -m tests.load.bare --port P --upstream URL`.

The same client of the engine, the same translator and the same way of writing as the adapter's, on
the same web server. It has no middleware, no checks of the request, no names of models, no queue,
no metrics, no watching of the engine: what the adapter costs more is the price of those.
/v1/chat/completions passes the engine's bytes on as they are, by the same reading and writing.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable
from types import SimpleNamespace
from typing import Any, cast

import orjson
from aiohttp import web

from adapter.errors import AdapterError
from adapter.server.replies import NDJSON
from adapter.server.state import STATE, State
from adapter.server.streaming import Interpreter, streamed
from adapter.server.web_exchange import WebExchange
from adapter.settings import UpstreamSettings
from adapter.translate.ndjson import error_line
from adapter.translate.replies import CHAT, LineWriter
from adapter.translate.stream import Translator
from adapter.translate.timings import Marks
from adapter.upstream.answer import Answer
from adapter.upstream.client import Upstream
from adapter.wire.openai import CHAT_PATH
from tests.load import loops

_CLIENT = web.AppKey("client", Upstream)
_LARGEST = 64 * 2**20


class Untouched:
    """Passes on what comes."""

    fault: AdapterError | None = None
    left_early = False

    def __init__(self) -> None:
        self.ended = False

    def feed(self, data: bytes, now: int) -> bytes:
        return data

    def finish(self, now: int, broken: AdapterError | None = None) -> bytes:
        self.ended = True
        return b""


async def chat(request: web.Request) -> web.StreamResponse:
    asked = orjson.loads(await request.read())
    body = {
        "model": asked["model"].removesuffix(":latest"),
        "messages": asked["messages"],
        "max_tokens": asked["options"]["num_predict"],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    begun = time.monotonic_ns()
    writer = LineWriter(CHAT, asked["model"])
    translator = Translator(writer, Marks(begun), time.time_ns() - begun)
    asking = request.app[_CLIENT].open_stream(CHAT_PATH, body, {})
    return await _streamed(request, asking, translator, NDJSON)


async def completions(request: web.Request) -> web.StreamResponse:
    body = orjson.loads(await request.read())
    asking = request.app[_CLIENT].open_stream(CHAT_PATH, body, {})
    return await _streamed(request, asking, Untouched(), "text/event-stream")


async def _streamed(
    request: web.Request, asking: Awaitable[Answer], interpreter: Interpreter, kind: str
) -> web.StreamResponse:
    exchange = WebExchange(request)
    async with await asking as answer:
        await streamed(exchange, answer, interpreter, kind, _told)
    assert exchange.response is not None
    return exchange.response


def _told(error: AdapterError) -> bytes:
    return error_line(error.message)


@contextlib.asynccontextmanager
async def application(upstream: str) -> AsyncIterator[web.Application]:
    """The data plane before an engine."""
    client = Upstream(UpstreamSettings(name="engine", url=upstream))
    app = web.Application(client_max_size=_LARGEST)
    app[_CLIENT] = client
    clock: Any = SimpleNamespace(clock=time.monotonic_ns)
    app[STATE] = cast(State, clock)  # all that the data plane asks of it
    app.router.add_post("/api/chat", chat)
    app.router.add_post("/v1/chat/completions", completions)
    try:
        yield app
    finally:
        client.close()


if __name__ == "__main__":
    loops.serve("the adapter's data plane and nothing else", application)
