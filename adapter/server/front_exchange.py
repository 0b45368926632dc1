"""An exchange of `front`'s: its body is there, and its answer goes straight to the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from adapter.observe.facts import Facts
from adapter.server.chunks import ChunkWriter
from adapter.server.exchange import Routing
from adapter.server.heads import BODILESS, head
from adapter.server.observing import own_headers
from adapter.server.replies import NDJSON, Reply
from adapter.server.state import State
from adapter.wire.longtext import Json


class Line(Protocol):
    """The connection."""

    @property
    def transport(self) -> asyncio.Transport: ...

    @property
    def lasts(self) -> bool:
        """Whether another request may follow."""

    async def taken(self) -> None: ...


class FrontExchange:
    __slots__ = (
        *("_begun", "_body", "_client", "_headers", "_keep", "_line"),
        *("facts", "path", "routing", "size", "state"),
    )
    method = "POST"

    def __init__(
        self,
        line: Line,
        state: State,
        facts: Facts,
        path: str,
        headers: Mapping[bytes, bytes],
        body: bytes,
    ) -> None:
        """`headers` are by names in small letters."""
        self.state, self.facts, self.path = state, facts, path
        self.routing = Routing()
        self._headers = headers
        self._keep = False
        self.size = len(body)
        self._body = body
        self._line = line
        self._begun = False

    @property
    def target(self) -> str:
        return self.path  # one with a query is no plain request

    def header(self, name: str) -> str:
        return header(self._headers, name)

    async def read(self, *, keep: bool = False) -> Json:
        body = self._body
        self._keep = keep or self._keep
        if not self._keep:
            self._body = b""
        return body

    async def begin(
        self,
        headers: Mapping[str, str],
        status: int = 200,
        length: int | None = None,
        first: bytes = b"",
    ) -> ChunkWriter:
        self._begun = True
        self.facts.status = status
        all_headers = {**headers, **own_headers(self.state, self.facts)}
        transport = self._line.transport
        if transport.is_closing():
            raise ConnectionResetError
        self._client = client = ChunkWriter(
            transport,
            self._line.taken,
            chunked=length is None and status not in BODILESS,
            lines=headers.get("Content-Type") == NDJSON,
        )
        beginning = head(status, all_headers, length, lasts=self._line.lasts)
        transport.write(beginning + client.framed(first) if first else beginning)
        return client

    async def end(self, last: bytes = b"") -> None:
        self._client.end(last)

    def cut(self) -> None:
        self._line.transport.abort()

    def finish(self, reply: Reply | None) -> bool:
        """Writes a whole answer, if there is one. False if it is the second: what has begun can't
        be mended, and must not look as if it were complete."""
        if reply is None:
            return True
        if self._begun:
            return False
        if self._line.transport.is_closing():
            raise ConnectionResetError
        headers = {**reply.headers, **own_headers(self.state, self.facts)}
        first = head(reply.status, headers, len(reply.body), lasts=self._line.lasts)
        body = b"" if reply.status in BODILESS else reply.body
        self._line.transport.write(first + body)
        return True


def header(headers: Mapping[bytes, bytes], name: str) -> str:
    """A header by its name, from those by names in small letters; "" if it is not there."""
    return headers.get(name.lower().encode(), b"").strip().decode("utf-8", "surrogateescape")
