"""A web server on a real socket whose pages are given."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping

from aiohttp import web

Page = tuple[str, bytes] | web.StreamResponse | int | str
"""Content type and body; a status; or where a redirect leads."""


@contextlib.asynccontextmanager
async def pages(
    table: Mapping[str, Page], seen: list[str] | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[str]:
    """The server's address. `seen` is told every path that is asked for."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if seen is not None:
            seen.append(request.path)
        match table.get(request.path, 404):
            case (str(content_type), bytes(body)):
                return web.Response(body=body, headers={"Content-Type": content_type})
            case int(status):
                return web.Response(status=status)
            case str(place):
                return web.Response(status=302, headers={"Location": place})
            case response:
                return response

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    try:
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
