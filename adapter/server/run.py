"""Runs the application: the same way for the command and for the tests."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable

from aiohttp import web

from adapter.errors import ConfigError
from adapter.observe import logs
from adapter.server.app import make_app
from adapter.settings import Settings

SHUTDOWN_SECONDS = 3.0
"""How long answers in flight may go on after a signal to stop."""


async def start(
    app: web.Application, settings: Settings, *, reuse_port: bool = False
) -> tuple[web.AppRunner, int]:
    """The running application and its port (which the system chose, if 0 was asked for).

    Raises:
        ConfigError: it can't listen there.
    """
    runner = web.AppRunner(
        app,
        # Off by default: a client that leaves while the engine is silent would not be noticed.
        handler_cancellation=True,
        access_log=None,
        # aiohttp waits for this long twice before it cancels a handler.
        shutdown_timeout=SHUTDOWN_SECONDS / 2,
    )
    await runner.setup()
    host, port = settings.server.host, settings.server.port
    site = web.TCPSite(runner, host, port, reuse_port=reuse_port or None)
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
    runner, port = await start(make_app(settings), settings, reuse_port=reuse_port)
    logs.events.info("listening on %s:%d", settings.server.host, port)
    try:
        await stopped.wait()
    finally:
        await runner.cleanup()


def run(settings: Settings, *, reuse_port: bool = False) -> None:
    """The whole life of one process."""
    logs.configure()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings, reuse_port=reuse_port))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop where there is one: it saves a fifth of the CPU that a token costs."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
