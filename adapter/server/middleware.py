"""Around every request that aiohttp reads: the one place where its errors become answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from adapter.errors import AdapterError, BadRequest
from adapter.observe.facts import Facts
from adapter.server.observing import (
    CLIENT_CLOSED_REQUEST,
    REQUEST_ID,
    begun,
    failed,
    own_headers,
    recorded,
    stumbled,
)
from adapter.server.replies import text_reply
from adapter.server.state import FACTS, STATE

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def observed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Times a request, answers its errors, and records what became of it."""
    state = request.app[STATE]
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unknown"
    given_id = request.headers.get(REQUEST_ID, "")
    facts = request[FACTS] = begun(state, request.method, route, given_id)
    try:
        return await recorded(state, facts, _answered(request, handler, facts))
    except ConnectionResetError:
        # Noticed in writing. Nobody reads this answer; raised, it would be logged.
        return web.Response(status=CLIENT_CLOSED_REQUEST)


async def _answered(request: web.Request, handler: Handler, facts: Facts) -> web.StreamResponse:
    try:
        response = await handler(request)
    except AdapterError as error:
        response = failed(facts, error, request.path).response()
    except web.HTTPNotFound:
        facts.outcome = "refused"
        response = _redirect(request) or text_reply("404 page not found", 404)
    except web.HTTPMethodNotAllowed as error:
        facts.outcome = "refused"
        response = text_reply("405 method not allowed", 405)
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
    except web.HTTPRequestEntityTooLarge:
        too_large = BadRequest("the request body is too large", status=413)
        response = failed(facts, too_large, request.path).response()
    except web.RequestPayloadError:
        garbled = BadRequest("the request body is not encoded as it says")
        response = failed(facts, garbled, request.path).response()
    except (asyncio.CancelledError, ConnectionResetError):
        raise
    except Exception:
        response = stumbled(facts, request.path).response()
    facts.status = response.status
    return response


def _redirect(request: web.Request) -> web.Response | None:
    """To the same path without its trailing slash, if there is a route, as gin does."""
    bare = request.path.rstrip("/")
    known = {resource.canonical for resource in request.app.router.resources()}
    if not request.path.endswith("/") or bare not in known:
        return None
    return web.Response(status=301 if request.method == "GET" else 307, headers={"Location": bare})


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal: our own headers, and none that tells what serves: Ollama has no such."""
    response.headers.popall("Server", None)
    if FACTS in request:
        response.headers.update(own_headers(request.app[STATE], request[FACTS]))
