"""Serves one role or all: the same way for the command and for the tests."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from services.errors import ConfigError
from services.house import HOUSE, House, opened
from services.kit.app import make_app
from services.kit.guard import Guard
from services.roles.table import ALL, ROLES, Role
from services.settings import Settings

_LAST_LINES_SECONDS = 0.5
_TURN_SECONDS = 0.0005
_BODY_LIMIT = 64 * 2**20
"""Of JSON; files have a limit of their own."""
_LOOKS = (7000, 20, 10)
"""Ten times Python's own number of new objects between two looks, at first."""
_log = logging.getLogger("services")


@contextlib.asynccontextmanager
async def serving(name: str, settings: Settings) -> AsyncIterator[dict[str, int]]:
    """The ports by their setting, while the role (or `all`) is served.

    Raises:
        ConfigError: it can't listen there, or the settings don't fit the role.
    """
    roles = list(ROLES.values()) if name == ALL else [ROLES[name]]
    async with contextlib.AsyncExitStack() as stack:
        house = await stack.enter_async_context(opened(settings))
        ports: dict[str, int] = {}
        for role in roles:
            runner = await started(app_of(role, house))
            stack.push_async_callback(runner.cleanup)
            for field in role.ports:
                ports[field] = await listen(runner, settings.host, getattr(settings, field))
        yield ports


def app_of(role: Role, house: House) -> web.Application:
    guard = Guard(
        house.settings.published or house.settings.host, house.settings.origins.split(",")
    )
    app = make_app(role.card, house.metrics, guard, role.routes, _BODY_LIMIT)
    app[HOUSE] = house
    return app


async def started(app: web.Application) -> web.AppRunner:
    # handler_cancellation: a client that leaves while the model is silent would not be noticed.
    runner = web.AppRunner(
        app, handler_cancellation=True, access_log=None, shutdown_timeout=_LAST_LINES_SECONDS
    )
    await runner.setup()
    return runner


async def listen(runner: web.AppRunner, host: str, port: int) -> int:
    """The port, which the system chose if 0 was asked for."""
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise ConfigError(f"can't listen on {host}:{port}: {reason}") from None
    listening: int = runner.addresses[-1][1]
    return listening


async def serve(name: str, settings: Settings) -> None:
    """Until SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    # The loop shares the interpreter with the threads that read the store: it must not wait long
    # for its turn when many ask at once.
    sys.setswitchinterval(_TURN_SECONDS)
    async with serving(name, settings) as ports:
        settle()
        _log.info("ready: %s", told(settings.host, ports))
        await stopped.wait()


def settle() -> None:
    """Garbage is looked for less often, and not among what stands now: each look holds up every
    answer, and a request makes thousands of objects, next to none of them in circles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_LOOKS)


def told(host: str, ports: Mapping[str, int]) -> str:
    return ", ".join(
        f"{field.removesuffix('_port')} http://{host}:{port}" for field, port in ports.items()
    )
