"""Builds the application: what there is, wired once, and closed where it was opened."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from adapter.catalog.discovery import Discovery
from adapter.observe import logs
from adapter.observe.ledger import Ledger
from adapter.observe.metrics import Metrics
from adapter.server.admission import Admission
from adapter.server.aliases import restore_adapters
from adapter.server.drain import OpenStreams
from adapter.server.guard import add_origin_headers, guarded
from adapter.server.hosts import is_loopback
from adapter.server.middleware import add_headers, observed
from adapter.server.origins import Origins
from adapter.server.routes import add_routes
from adapter.server.state import STATE, State
from adapter.settings import Settings, UpstreamSettings
from adapter.upstream.client import Upstream
from adapter.upstream.engine import Engine
from adapter.upstream.health import Health
from adapter.upstream.ollama import client_for
from adapter.upstream.residency import Residency
from adapter.wire.openai import ServedModel


def make_app(settings: Settings) -> web.Application:
    """The application for some settings. Its engines are watched from its start to its end."""
    server, metrics = settings.server, Metrics()
    app = web.Application(middlewares=[observed, guarded], client_max_size=server.body_limit)
    app[STATE] = State(
        settings=settings,
        metrics=metrics,
        ledger=Ledger(metrics),
        discovery=Discovery(settings, time.time_ns),
        residency=Residency(server.keep_alive, time.time_ns),
        admission=Admission(server.max_queue),
        engines={},
        streams=OpenStreams(),
        origins=Origins(server.origins),
        on_loopback=is_loopback(server.host),
        routes=settings.routes,
    )
    app.on_response_prepare.extend([add_headers, add_origin_headers])
    app.on_shutdown.append(_end_streams)
    app.cleanup_ctx.append(_engines)
    add_routes(app)
    return app


async def _engines(app: web.Application) -> AsyncIterator[None]:
    """Watches each engine. The adapter is up at once, engines or not."""
    state = app[STATE]
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(state.ledger.flush)
        stack.push_async_callback(state.discovery.store.close)
        for upstream in state.settings.upstreams:
            settled = _settled(state.settings, upstream.name)
            client = client_for(upstream, state.settings.server.retries, settled)
            health = _health(state, upstream, client)
            client.news = health.doubt
            state.engines[upstream.name] = Engine(client, health)
            state.metrics.upstream_changed(upstream.name, False)
            watching = asyncio.get_running_loop().create_task(health.run())
            stack.push_async_callback(health.close)
            stack.push_async_callback(_cancel, watching)
            stack.callback(client.close)
        yield


def _settled(settings: Settings, upstream: str) -> set[str]:
    """The served names whose capabilities the configuration tells."""
    lone = settings.upstreams[0].name
    return {
        entry.served_name or model
        for model, entry in settings.models.items()
        if entry.capabilities and (entry.upstream or lone) == upstream
    }


async def _end_streams(app: web.Application) -> None:
    state = app[STATE]
    await state.streams.end(state.settings.server.grace)


def _health(state: State, upstream: UpstreamSettings, client: Upstream) -> Health:
    def changed(name: str, up: bool, reason: str) -> None:
        state.metrics.upstream_changed(name, up)
        logs.log_upstream(name, up, reason)
        state.note_state()

    async def report(name: str, served: Sequence[ServedModel]) -> None:
        await state.discovery.take(name, served)
        await restore_adapters(state, client, served)
        state.note_state()

    return Health(upstream.name, client.models, report, changed)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
