"""Writing to a client whose answer has begun: straight to its connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from adapter.server.heads import LAST_CHUNK

_MUCH = 2**16
"""Bytes that wait for a client from which on the loop says so to the protocol, too."""


class ChunkWriter:
    """The body of an answer that has begun; whoever began it ends it, too.

    aiohttp's own writer costs a coroutine for every chunk; the bytes are the same.
    """

    __slots__ = ("_chunked", "_lines", "_taken", "_transport")

    def __init__(
        self,
        transport: asyncio.WriteTransport | None,
        taken: Callable[[], Awaitable[None]],
        *,
        chunked: bool,
        lines: bool,
    ) -> None:
        """`taken` waits until the client has taken most of it; `lines`: each line is a chunk, for
        some clients parse each chunk as one object."""
        self._transport = transport
        self._taken = taken
        self._chunked = chunked
        self._lines = lines

    def write(self, data: bytes) -> bool:
        """True if the client should first take what waits for it already, or is gone."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return True
        transport.write(self.framed(data))
        return transport.get_write_buffer_size() > _MUCH

    def framed(self, data: bytes) -> bytes:
        """What is sent for some of the body."""
        if not self._chunked:
            return data
        if self._lines and data.find(b"\n") != len(data) - 1:
            return b"".join(map(chunk, data.splitlines(keepends=True)))
        return chunk(data)

    def end(self, last: bytes = b"") -> None:
        """Writes the last of the body and its end at once: a client is woken for it but once."""
        end = (self.framed(last) if last else b"") + (LAST_CHUNK if self._chunked else b"")
        if end and self._transport is not None and not self._transport.is_closing():
            self._transport.write(end)

    async def drained(self) -> None:
        """Waits until the client has taken most of it.

        Raises:
            ConnectionResetError: it is gone.
        """
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError
        await self._taken()


def chunk(data: bytes) -> bytes:
    """A chunk of HTTP/1.1."""
    return b"%x\r\n%b\r\n" % (len(data), data)
