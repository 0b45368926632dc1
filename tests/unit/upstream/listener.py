"""An engine that says what it is told to, in literal bytes on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from typing import cast

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


class Caller(asyncio.Protocol):
    """One connection to the engine; `number` counts them."""

    transport: asyncio.Transport

    def __init__(self, engine: Listener) -> None:
        self._engine = engine
        self._read = b""
        self.number = len(engine.callers)
        engine.callers.append(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._engine.open.add(self)
        self._engine.greet(self)

    def data_received(self, data: bytes) -> None:
        self._read += data
        self._engine.hear(self)
        head, found, body = self._read.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if found and len(body) == (int(length[1]) if length else 0):
            self._engine.requests.append(self._read)
            self._read = b""
            self._engine.play(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._engine.open.discard(self)

    def says(self, data: bytes) -> None:
        self.transport.write(data)

    def hangs_up(self) -> None:
        self.transport.close()

    def resets(self) -> None:
        self.transport.abort()


def answers(data: bytes) -> Callable[[Caller], None]:
    return lambda caller: caller.says(data)


def silent(caller: Caller) -> None:
    pass


class Listener:
    """`play` answers a request, `hear` a part of one, `greet` whoever connects.

    `requests` holds what came in, as it was.
    """

    def __init__(self) -> None:
        self.play: Callable[[Caller], None] = answers(OK)
        self.hear: Callable[[Caller], None] = silent
        self.greet: Callable[[Caller], None] = silent
        self.requests: list[bytes] = []
        self.callers: list[Caller] = []
        self.open: set[Caller] = set()
        self.port = 0

    async def until_open(self, count: int, within: float = 5.0) -> None:
        """Waits until so many connections stand."""
        async with asyncio.timeout(within):
            while len(self.open) != count:  # noqa: ASYNC110  # seen in the set only
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def listening(
    host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Listener]:
    engine = Listener()
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = await loop.create_server(
        lambda: Caller(engine), host, 0, family=family, ssl=tls, backlog=4096
    )
    engine.port = server.sockets[0].getsockname()[1]
    try:
        yield engine
    finally:
        server.close()
        for caller in list(engine.open):
            caller.resets()
        await engine.until_open(0)
        await server.wait_closed()
