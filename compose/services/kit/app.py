"""The web application of a role: OPEA's common routes, and errors in one shape."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

import services
from services.errors import Refused, ServiceError, TooLarge
from services.kit.guard import ALLOWED, Guard
from services.kit.metrics import Metrics
from services.kit.replies import failed, json_reply

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Routes = Mapping[str, Handler]
"""`POST /v1/retrieval` → what answers it."""

METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)
GUARD = web.AppKey("guard", Guard)
FIRST_TOKEN: web.RequestKey[float] = web.RequestKey("first_token", float)
"""When the first token was there, by the clock of `time.perf_counter`."""
ASIDE: web.RequestKey[bool] = web.RequestKey("aside", bool)
"""Set for what is not the role's own work: how long it took says nothing of the role."""
CLIENT_GONE = 499
_log = logging.getLogger("services")


@dataclass(frozen=True)
class Card:
    """What /v1/health_check says of a role."""

    name: str
    title: str
    description: str


CARD = web.AppKey("card", Card)


def make_app(
    card: Card, metrics: Metrics, guard: Guard, routes: Routes, body_limit: int
) -> web.Application:
    app = web.Application(middlewares=[observed, guarded], client_max_size=body_limit)
    app[CARD], app[METRICS], app[GUARD] = card, metrics, guard
    app.on_response_prepare.append(add_origin)
    for row, handler in (COMMON | dict(routes)).items():
        method, path = row.split()
        app.router.add_route(method, path, handler)
    return app


@web.middleware
async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Raises Refused for what a foreign web page makes a browser send."""
    origin = request.app[GUARD].judged(request)
    if origin:
        request[ALLOWED] = origin
    if request.method == "OPTIONS":
        return web.Response(status=204)
    return await handler(request)


async def add_origin(request: web.Request, response: web.StreamResponse) -> None:
    """Signal: streams have sent their headers when a middleware sees them."""
    if origin := request.get(ALLOWED):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Vary"] = "Origin"
        if request.method == "OPTIONS":
            wanted = request.headers.get("Access-Control-Request-Headers", "*")
            response.headers["Access-Control-Allow-Methods"] = "*"
            response.headers["Access-Control-Allow-Headers"] = wanted
            response.headers["Access-Control-Max-Age"] = "600"
    response.headers.popall("Server", None)


@web.middleware
async def observed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors become answers; how long it took and how it ended is counted."""
    began, status = time.perf_counter(), CLIENT_GONE
    try:
        response = await _answered(request, handler)
        status = response.status
        return response
    except ConnectionResetError:
        # Noticed in writing. Nobody reads this answer; raised, it would be logged.
        return web.Response(status=CLIENT_GONE)
    finally:
        _record(request, status, began)


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ServiceError as error:
        return failed(error)
    except web.HTTPRequestEntityTooLarge:
        return failed(TooLarge("the request body is too large"))
    except web.HTTPException as error:
        reply = failed(Refused(error.reason, status=error.status))
        if isinstance(error, web.HTTPMethodNotAllowed):
            reply.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return reply
    except (asyncio.CancelledError, ConnectionResetError):
        raise
    except Exception:
        _log.exception("%s %s failed", request.method, request.path)
        return failed(ServiceError("internal error"))


def _record(request: web.Request, status: int, began: float) -> None:
    metrics, card = request.app[METRICS], request.app[CARD]
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unknown"
    metrics.requests.labels(card.name, route, status).inc()
    if request.method == "POST" and status < 400 and ASIDE not in request:
        first = request.get(FIRST_TOKEN)
        spent = time.perf_counter() - began
        name = f"opea_service@{card.name}"
        metrics.statistics.add(name, spent, None if first is None else first - began)


async def health(request: web.Request) -> web.Response:
    return web.Response()


async def health_check(request: web.Request) -> web.Response:
    card = request.app[CARD]
    return json_reply(
        {
            "Service Title": card.title,
            "Version": services.__version__,
            "Service Description": card.description,
        }
    )


async def statistics(request: web.Request) -> web.Response:
    return json_reply(request.app[METRICS].statistics.told())


async def metrics(request: web.Request) -> web.Response:
    text = request.app[METRICS].text()
    return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4"})


COMMON: dict[str, Handler] = {
    "GET /health": health,
    "GET /v1/health_check": health_check,
    "GET /v1/statistics": statistics,
    "GET /metrics": metrics,
}
