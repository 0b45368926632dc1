"""Routes about the server itself."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from adapter import OLLAMA_VERSION
from adapter.errors import UpstreamAway
from adapter.server.replies import json_reply
from adapter.server.state import STATE
from adapter.server.workers import all_workers

BANNER = "Ollama is running"


async def root(request: web.Request) -> web.Response:
    """Ollama's heartbeat."""
    return web.Response(text=BANNER)


async def version(request: web.Request) -> web.Response:
    return json_reply({"version": OLLAMA_VERSION})


async def health(request: web.Request) -> web.Response:
    """The process lives."""
    return json_reply({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """An engine answers.

    Raises:
        UpstreamAway: none does.
    """
    state = request.app[STATE]
    await state.discovery.refresh()
    engines = state.engines
    up = {name: bool(engine.health.up) for name, engine in engines.items()}
    if not any(up.values()):
        reasons = [engine.health.reason.message for engine in engines.values()]
        raise UpstreamAway("; ".join(reasons))
    told: dict[str, object] = {"status": "ok", "upstreams": up}
    if missing := state.missing():
        told["missing"] = missing
    if to := state.discovery.store.rolled_back_to:
        told["rolled_back_to"] = to
    return json_reply(told)


async def metrics(request: web.Request) -> web.Response:
    """In Prometheus' text format; with several workers, the sum of them all."""
    state = request.app[STATE]
    state.ledger.flush()
    await state.discovery.refresh()
    state.note_state()
    registry = all_workers() or state.metrics.registry
    return web.Response(
        body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )
