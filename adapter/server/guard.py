"""Refuses requests that web pages make in a user's name: by their Origin, then by their Host."""

from __future__ import annotations

from aiohttp import web

from adapter.server import hosts
from adapter.server.middleware import Handler
from adapter.server.origins import is_same
from adapter.server.state import FACTS, STATE, State

ORIGIN_HEADERS: web.RequestKey[dict[str, str]] = web.RequestKey("origin_headers", dict)


@web.middleware
async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The order is Ollama's: CORS with its preflight, then the Host, then the route."""
    state = request.app[STATE]
    origin, host = request.headers.get("Origin", ""), request.headers.get("Host", "")
    preflight = request.method == "OPTIONS"
    if origin and not is_same(origin, host):
        if not state.origins.allow(origin):
            return _forbidden(request)
        request[ORIGIN_HEADERS] = state.origins.headers(origin, preflight=preflight)
        if preflight:
            return web.Response(status=204)
    if is_strange(state, host):
        return _forbidden(request)
    if state.on_loopback and preflight and hosts.is_name(host):
        return web.Response(status=204)
    return await handler(request)


def is_strange(state: State, host: str) -> bool:
    """Whether a Host header is one by which nobody may call this server."""
    return state.on_loopback and not hosts.allow(host)


def _forbidden(request: web.Request) -> web.Response:
    request[FACTS].outcome = "refused"
    return web.Response(status=403)


async def add_origin_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal: what a page of another origin needs to read the answer."""
    if ORIGIN_HEADERS in request:
        response.headers.update(request[ORIGIN_HEADERS])
