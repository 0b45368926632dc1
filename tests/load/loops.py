"""The event loop of the benchmark's own processes: the fastest there is, lest they be a brake."""

from __future__ import annotations

import argparse
import asyncio
import resource
import signal
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

from aiohttp import web

_BACKLOG = 4096


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs it on uvloop where that is installed."""
    with asyncio.Runner(loop_factory=_factory()) as runner:
        runner.run(main)


def _factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def allow_many_files() -> int:
    """Raises this process's limit of file descriptors (children inherit it), and returns it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def serve(
    about: str, application: Callable[[str], AbstractAsyncContextManager[web.Application]]
) -> None:
    """The command of a target: serves what `application` makes for an engine until SIGTERM."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    chosen = parser.parse_args()
    run(_serve(chosen.port, application(chosen.upstream)))


async def _serve(port: int, making: AbstractAsyncContextManager[web.Application]) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with making as app:
        runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=0.5
        )
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=_BACKLOG).start()
        try:
            await stopped.wait()
        finally:
            await runner.cleanup()
