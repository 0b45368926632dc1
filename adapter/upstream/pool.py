"""The connections to one engine: opened when none is idle, kept for the next request."""

from __future__ import annotations

import asyncio
import functools
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from aiohappyeyeballs import start_connection
from yarl import URL

from adapter.errors import AdapterError
from adapter.settings import Timeouts
from adapter.upstream.addresses import Addresses
from adapter.upstream.answer import Answer
from adapter.upstream.connection import Connection
from adapter.upstream.faults import not_connected
from adapter.upstream.uploading import AnyBytes, Sender

C = TypeVar("C", bound=Connection)

_NEXT_ADDRESS_SECONDS = 0.25
"""After which the next address of a name is tried beside the first (RFC 8305)."""
_KEEP_ALIVE_SECONDS = 4.0
"""Shorter than uvicorn's five, which vLLM has: a connection is not used while it is closed."""


class Pool:
    """Any number of connections, the one that was used last first."""

    def __init__(
        self, url: URL, name: str, connect_seconds: float, headers: Mapping[str, str]
    ) -> None:
        """`url` is http or https; only its origin and its user count. `headers` go everywhere."""
        self._url = url
        self._name = name
        self._connect_seconds = connect_seconds
        self._addresses = Addresses(url.host or "", url.port or 0)
        self._closed = False
        self._idle: dict[Connection, float] = {}
        """Since when, the last used last."""
        self._all: set[Connection] = set()
        self._headers = {
            "Host": url.raw_authority.rpartition("@")[2],
            "User-Agent": "ollama-vllm-adapter",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            **_authorization(url),
            **headers,
        }
        self._names = self._headers.keys()
        self._standing = _lines(self._headers)

    async def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Sequence[bytes],
        timeouts: Timeouts,
        kind: type[Answer] = Answer,
    ) -> Answer:
        """The answer, with its status and headers; the caller closes it.

        Raises:
            UpstreamError: there is no connection to be had, it broke, or the engine was silent.
        """
        length = {"Content-Length": str(sum(map(len, body)))} if body or method == "POST" else {}
        head = self._head(method, path, {**headers, **length})
        connection = self._take() or await self._connect(self._make)
        answer = kind(connection, timeouts, self._name)
        connection.ask(head, body, answer)
        try:
            await answer.begun()
        except BaseException:
            answer.close()
            raise
        return answer

    async def upload(
        self, method: str, path: str, headers: Mapping[str, str], timeouts: Timeouts
    ) -> tuple[Sender, Answer]:
        """A request whose body is sent piece by piece, on a connection of its own.

        Raises:
            UpstreamError: there is no connection to be had.
        """
        head = self._head(method, path, headers)
        # Never kept: who answers before it has the whole body leaves a connection in the middle.
        sender = await self._connect(
            lambda: Sender(Connection.abort, self._forget, self._loop.call_soon)
        )
        answer = AnyBytes(sender, timeouts, self._name)
        sender.ask(head, (), answer)
        return sender, answer

    def _head(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        own = self._standing
        if not self._names.isdisjoint(headers):
            own = _lines({n: v for n, v in self._headers.items() if n not in headers})
        head = f"{method} {path} HTTP/1.1\r\n{own}{_lines(headers)}\r\n"
        return head.encode("utf-8", "surrogateescape")  # a client's header may be any bytes

    @functools.cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """Asked for once: Python asks the system for its process each time."""
        return asyncio.get_running_loop()

    def close(self) -> None:
        """Closes all connections; who waits for an answer is told."""
        self._closed = True
        for connection in list(self._all):
            connection.drop()
        self._idle.clear()

    def _take(self) -> Connection | None:
        self._drop_old()
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.usable:
                return connection
        return None

    def _make(self) -> Connection:
        return Connection(self._keep, self._forget, self._loop.call_soon)

    async def _connect(self, make: Callable[[], C]) -> C:
        is_tls = self._url.scheme == "https"
        try:
            async with asyncio.timeout(self._connect_seconds):
                plug = await start_connection(
                    await self._addresses.known(), happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS
                )
                _, connection = await self._loop.create_connection(
                    make,
                    sock=plug,
                    ssl=_trust() if is_tls else None,
                    server_hostname=self._url.host if is_tls else None,
                )
        except (OSError, UnicodeError) as error:
            self._addresses.forget()
            raise not_connected(error, self._name) from error
        if self._closed:
            connection.abort()
            raise not_connected(OSError(), self._name)
        self._all.add(connection)
        return connection

    def _keep(self, connection: Connection) -> None:
        self._idle[connection] = self._loop.time()
        self._drop_old()

    def _drop_old(self) -> None:
        while self._idle:
            connection, since = next(iter(self._idle.items()))
            if self._loop.time() - since < _KEEP_ALIVE_SECONDS:
                return
            del self._idle[connection]
            connection.abort()

    def _forget(self, connection: Connection) -> None:
        self._all.discard(connection)
        self._idle.pop(connection, None)


@functools.cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


def _authorization(url: URL) -> dict[str, str]:
    if url.user is None:
        return {}
    pair = f"{url.user}:{url.password or ''}".encode()
    return {"Authorization": f"Basic {b64encode(pair).decode()}"}


def _lines(headers: Mapping[str, str]) -> str:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers):
        raise AdapterError("a header that is more than a line")
    return lines
