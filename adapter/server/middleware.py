"""Around every request: an id, a clock, and the one place where an error becomes an answer."""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Awaitable, Callable

from aiohttp import web

from adapter.errors import AdapterError, BadRequest
from adapter.observe.facts import Facts
from adapter.server.replies import error_reply, text_reply
from adapter.server.state import FACTS, STATE
from adapter.translate.dialects import dialect_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REQUEST_ID = "X-Request-Id"
UPSTREAM = "X-Adapter-Upstream"
FALLBACK = "X-Adapter-Fallback"
TRUNCATED = "X-Adapter-Truncated"
CLIENT_CLOSED_REQUEST = 499
_SAFE_ID = re.compile(r"[\x21-\x7e]{1,128}")

_log = logging.getLogger("adapter")


@web.middleware
async def observed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Times a request, answers its errors, and records what became of it."""
    state = request.app[STATE]
    facts = request[FACTS] = _begin(request, state.clock())
    state.metrics.begin(facts)
    try:
        response = await _answered(request, handler, facts)
        facts.status = response.status
        return response
    except asyncio.CancelledError:
        # The client hung up. Normal; what the handler held is closed on its way out.
        facts.outcome, facts.status = "client_gone", CLIENT_CLOSED_REQUEST
        raise
    except ConnectionResetError:
        # The same, noticed in writing. Nobody reads this answer; raised, it would be logged.
        facts.outcome, facts.status = "client_gone", CLIENT_CLOSED_REQUEST
        return web.Response(status=CLIENT_CLOSED_REQUEST)
    finally:
        facts.total = state.clock() - facts.started
        state.ledger.finished(facts)


def _begin(request: web.Request, now: int) -> Facts:
    resource = request.match_info.route.resource
    given = request.headers.get(REQUEST_ID, "")
    return Facts(
        request_id=given if _SAFE_ID.fullmatch(given) else f"{random.getrandbits(128):032x}",
        method=request.method,
        route=resource.canonical if resource is not None else "unknown",
        started=now,
    )


async def _answered(request: web.Request, handler: Handler, facts: Facts) -> web.StreamResponse:
    try:
        return await handler(request)
    except AdapterError as error:
        return failed(facts, error, request.path)
    except web.HTTPNotFound:
        facts.outcome = "refused"
        return _redirect(request) or text_reply("404 page not found", 404)
    except web.HTTPMethodNotAllowed as error:
        facts.outcome = "refused"
        response = text_reply("405 method not allowed", 405)
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return response
    except web.HTTPRequestEntityTooLarge:
        too_large = BadRequest("the request body is too large", status=413)
        return failed(facts, too_large, request.path)
    except web.RequestPayloadError:
        garbled = BadRequest("the request body is not encoded as it says")
        return failed(facts, garbled, request.path)
    except (asyncio.CancelledError, ConnectionResetError):
        raise
    except Exception:
        _log.exception("request %s failed", facts.request_id)
        return failed(facts, AdapterError("internal error of the adapter"), request.path)


def failed(facts: Facts, error: AdapterError, path: str = "/") -> web.Response:
    """The answer for an error, which is noted, in the dialect of the path."""
    note_failure(facts, error)
    return error_reply(error, dialect_of(path), facts.request_id)


def note_failure(facts: Facts, error: AdapterError) -> None:
    facts.outcome = error.outcome
    facts.error = error.message


def _redirect(request: web.Request) -> web.Response | None:
    """To the same path without its trailing slash, if there is a route, as gin does."""
    bare = request.path.rstrip("/")
    known = {resource.canonical for resource in request.app.router.resources()}
    if not request.path.endswith("/") or bare not in known:
        return None
    return web.Response(status=301 if request.method == "GET" else 307, headers={"Location": bare})


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal: every answer carries its request's id, and which engine it is about; one to a
    shortened prompt says so."""
    if FACTS in request:
        response.headers[REQUEST_ID] = request[FACTS].request_id
        if request[FACTS].upstream:
            response.headers[UPSTREAM] = request[FACTS].upstream
        if request[FACTS].fallback:
            response.headers[FALLBACK] = request[FACTS].fallback
        if request[FACTS].truncated:
            response.headers[TRUNCATED] = request[FACTS].truncated
