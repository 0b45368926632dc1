"""What an engine's host name means: asked once for all who wait, and kept for some seconds."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

_KEPT_SECONDS = 10.0

AddressInfos = list[tuple[Any, ...]]
"""As of socket.getaddrinfo."""


class Addresses:
    """A thousand streams that begin at once must not each ask the name server."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._asking: asyncio.Task[AddressInfos] | None = None
        self._until = 0.0

    async def known(self) -> AddressInfos:
        """All addresses, in the system's order.

        Raises:
            OSError, UnicodeError: the name means nothing.
        """
        loop = asyncio.get_running_loop()
        if self._asking is None or (self._asking.done() and loop.time() > self._until):
            self._asking = loop.create_task(self._ask())
            self._asking.add_done_callback(_looked_at)
        return await asyncio.shield(self._asking)

    def forget(self) -> None:
        """Nobody answered there: the name may mean another machine by now."""
        self._until = 0.0

    async def _ask(self) -> AddressInfos:
        loop = asyncio.get_running_loop()
        self._until = 0.0  # what fails is not kept
        found = await loop.getaddrinfo(
            self._host, self._port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
        self._until = loop.time() + _KEPT_SECONDS
        return list(found)


def _looked_at(asking: asyncio.Task[AddressInfos]) -> None:
    """Those who wait may all have left; then nobody takes the exception."""
    if not asking.cancelled():
        asking.exception()
