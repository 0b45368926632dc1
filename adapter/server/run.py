"""Runs the application: the same way for the command and for the tests."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import Callable
from typing import Any

from aiohttp import web

from adapter.errors import ConfigError
from adapter.observe import logs
from adapter.server import workers
from adapter.server.app import make_app
from adapter.server.front import House, Route
from adapter.server.routes import EXCHANGES
from adapter.server.state import STATE
from adapter.settings import Settings

_LAST_LINES_SECONDS = 0.5
_FRONT_ROUTES = {path.encode(): Route(path, answering) for path, answering in EXCHANGES.items()}
_LONGEST_HEADER = 64 * 2**10
_BACKLOG = 4096
"""Connections that may wait to be accepted: thousands of clients that come at once. The kernel
has a bound of its own, often the same."""


class Runner(web.AppRunner):
    """Serves an application behind `front`: a site gets its protocols from `server`."""

    def __init__(self, app: web.Application, **options: Any) -> None:
        super().__init__(app, **options)
        self._house = House(app[STATE], _FRONT_ROUTES, self._behind)
        app.on_shutdown.insert(0, self._leave)  # before answers are given time to end
        app.on_shutdown.append(self._close)

    @property
    def server(self) -> Any:
        return self._house.front

    def _behind(self) -> asyncio.Protocol:
        server = super().server
        assert server is not None  # connections come when it is set up
        return server()

    async def _leave(self, app: web.Application) -> None:
        self._house.leave()

    async def _close(self, app: web.Application) -> None:
        await self._house.close(2 * _LAST_LINES_SECONDS)


async def start(
    app: web.Application, settings: Settings, *, reuse_port: bool = False
) -> tuple[web.AppRunner, int]:
    """The running application and its port (which the system chose, if 0 was asked for).

    Raises:
        ConfigError: it can't listen there.
    """
    runner = Runner(
        app,
        # Off by default: a client that leaves while the engine is silent would not be noticed.
        handler_cancellation=True,
        access_log=None,
        # For what `drain` has told to end; aiohttp waits this long twice before it cancels.
        shutdown_timeout=_LAST_LINES_SECONDS,
        max_field_size=_LONGEST_HEADER,
    )
    await runner.setup()
    host, port = settings.server.host, settings.server.port
    site = web.TCPSite(runner, host, port, backlog=_BACKLOG, reuse_port=reuse_port or None)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise ConfigError(f"can't listen on {host}:{port}: {reason}") from None
    return runner, runner.addresses[0][1]


async def serve(settings: Settings, *, reuse_port: bool = False) -> None:
    """Serves until SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # not on Windows
            loop.add_signal_handler(number, stopped.set)
    if reuse_port:
        workers.when_alone(stopped.set)
    runner, port = await start(make_app(settings), settings, reuse_port=reuse_port)
    # What stands now stays: a look through all of it for garbage would stop every stream.
    gc.collect()
    gc.freeze()
    logs.events.info("listening on %s:%d", settings.server.host, port)
    try:
        await stopped.wait()
    finally:
        await runner.cleanup()


def run(settings: Settings, *, reuse_port: bool = False) -> None:
    """The whole life of one process."""
    logs.configure()
    _allow_many_files()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings, reuse_port=reuse_port))


def _allow_many_files() -> None:
    """As many as the system lets us have: a stream takes two, and the usual limit is for 500."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # no limit at all may be more than one can set
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop where there is one: it saves a fifth of the CPU that a token costs."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
