"""The baseline: the least that a proxy on the adapter's stack can do, and the same way.

`python -m tests.load.passthrough --port P --upstream URL`. It reads the question, asks it again,
and writes what comes as it comes, by the public API. What the adapter costs more is translation,
checks, metrics and care.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web
from yarl import URL

from tests.load import loops

_LARGEST = 64 * 2**20
_SESSION = web.AppKey("session", aiohttp.ClientSession)
_ROUTE = web.AppKey("route", URL)


async def relay(request: web.Request) -> web.StreamResponse:
    body = await request.read()
    headers = {"Content-Type": "application/json"}
    async with request.app[_SESSION].post(
        request.app[_ROUTE], data=body, headers=headers
    ) as answer:
        kind = answer.headers["Content-Type"]
        if "Content-Length" in answer.headers:
            whole = await answer.read()
            return web.Response(status=answer.status, body=whole, headers={"Content-Type": kind})
        response = web.StreamResponse(status=answer.status, headers={"Content-Type": kind})
        await response.prepare(request)
        while data := await answer.content.readany():
            await response.write(data)
        await response.write_eof()
        return response


@contextlib.asynccontextmanager
async def application(upstream: str) -> AsyncIterator[web.Application]:
    """The baseline before an engine."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,
        headers={"Accept-Encoding": "identity"},
    ) as session:
        app = web.Application(client_max_size=_LARGEST)
        app[_SESSION], app[_ROUTE] = session, URL(upstream) / "v1/chat/completions"
        app.router.add_post("/v1/chat/completions", relay)
        yield app


if __name__ == "__main__":
    loops.serve("the baseline of the benchmark", application)
