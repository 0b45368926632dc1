"""Servers that claim to be Ollama and get it wrong, for the tests of the conformance suite."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def said(value: Any, status: int = 200) -> Answer:
    """The same JSON to everybody."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(
            body=orjson.dumps(value), status=status, content_type="application/json"
        )

    return answer


def plain(text: str, status: int = 200, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, status=status, headers=headers)

    return answer


def streamed(
    *writes: bytes, content_type: str = "application/x-ndjson", cut: bool = False
) -> Answer:
    """Each write is an HTTP chunk; `cut` ends the connection before the body is over."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": content_type})
        response.enable_chunked_encoding()
        await response.prepare(request)
        for write in writes:
            await response.write(write)
        if cut:
            assert request.transport is not None
            request.transport.close()
        return response

    return answer


async def hangs(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


@contextlib.asynccontextmanager
async def rival(routes: Mapping[str, Answer]) -> AsyncIterator[str]:
    """Its URL. Routes are `METHOD /path`; what isn't there is 404 in FastAPI's shape."""

    async def serve(request: web.Request) -> web.StreamResponse:
        answer = routes.get(f"{request.method} {request.path}", said({"detail": "Not Found"}, 404))
        return await answer(request)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", serve)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.05, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
