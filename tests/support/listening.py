"""A server of a test's own on a port that stays the same while it goes and comes back."""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod

from aiohttp import web


class Listening(ABC):
    """`port` is 0 until it listened for the first time."""

    def __init__(self, largest: int) -> None:
        """`largest`: bytes of a body, 0 for any number."""
        self.port = 0
        self._largest = largest
        self._runner: web.AppRunner | None = None
        self._listener: socket.socket

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @abstractmethod
    async def _serve(self, http: web.Request) -> web.StreamResponse:
        """Answers every request."""

    async def up(self) -> None:
        """Listen; after `down`, on the same port as before."""
        app = web.Application(client_max_size=self._largest)
        app.router.add_route("*", "/{tail:.*}", self._serve)
        self._runner = web.AppRunner(
            app, handler_cancellation=True, shutdown_timeout=0.05, access_log=None
        )
        await self._runner.setup()
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self._listener.setblocking(False)
        await web.SockSite(self._runner, self._listener).start()
        self.port = self._listener.getsockname()[1]

    async def down(self) -> None:
        """Refuse connections from now on; those that stand are cut."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            # asyncio leaks a connection accepted in the very moment of the close: accept no
            # more, and let those that were accepted settle.
            asyncio.get_running_loop().remove_reader(self._listener)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await runner.cleanup()
