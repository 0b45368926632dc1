"""The adapter's data plane and nothing else: `python -m tests.load.bare --port P --upstream URL`.

The same client of the engine, the same translator and the same way of writing as the adapter's, on
the same web server. It has no middleware, no checks of the request, no names of models, no queue,
no metrics, no watching of the engine: what the adapter costs more is the price of those.
/v1/chat/completions passes the engine's bytes on as they are, by the same reading and writing.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import time
from types import SimpleNamespace
from typing import Any, cast

import orjson
from aiohttp import web

from adapter.errors import AdapterError
from adapter.server.replies import NDJSON
from adapter.server.state import STATE, State
from adapter.server.streaming import streamed
from adapter.settings import UpstreamSettings
from adapter.translate.ndjson import error_line
from adapter.translate.replies import CHAT, LineWriter
from adapter.translate.stream import Translator
from adapter.translate.timings import Marks
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
    async with await request.app[_CLIENT].open_stream(CHAT_PATH, body, {}) as answer:
        return await streamed(request, answer, translator, NDJSON, _told)


async def completions(request: web.Request) -> web.StreamResponse:
    body = orjson.loads(await request.read())
    async with await request.app[_CLIENT].open_stream(CHAT_PATH, body, {}) as answer:
        kind = answer.content_type
        return await streamed(request, answer, Untouched(), kind, _told)


def _told(error: AdapterError) -> bytes:
    return error_line(error.message)


async def serve(port: int, upstream: str) -> None:
    """Serves until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    client = Upstream(UpstreamSettings(name="engine", url=upstream))
    app = web.Application(client_max_size=_LARGEST)
    app[_CLIENT] = client
    clock: Any = SimpleNamespace(clock=time.monotonic_ns)
    app[STATE] = cast(State, clock)  # all that the data plane asks of it
    app.router.add_post("/api/chat", chat)
    app.router.add_post("/v1/chat/completions", completions)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    try:
        await stopped.wait()
    finally:
        await runner.cleanup()
        client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="the adapter's data plane and nothing else")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    chosen = parser.parse_args()
    loops.run(serve(chosen.port, chosen.upstream))


if __name__ == "__main__":
    main()
