"""What passing bytes on needs of a connection: a body sent in pieces, an answer of any kind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from adapter.upstream.answer import Answer
from adapter.upstream.connection import Connection


class AnyBytes(Answer):
    """An answer that is no stream of events: every byte shows that somebody is at work."""

    __slots__ = ()

    def take(self, data: bytes) -> None:
        self._event_at = self._time()
        super().take(data)


class Sender(Connection):
    """A connection whose request is as long as somebody has something to send."""

    __slots__ = ("_full",)

    def __init__(
        self,
        idle: Callable[[Connection], None],
        gone: Callable[[Connection], None],
        later: Callable[[Callable[[], None]], object],
    ) -> None:
        super().__init__(idle, gone, later)
        self._full: asyncio.Future[None] | None = None

    async def send(self, data: bytes) -> bool:
        """Sends a piece, when those before it are mostly gone; False if nobody takes it."""
        if self._full is not None:
            await self._full
        transport = self._transport
        if transport is None or transport.is_closing() or self._listener is None:
            return False
        transport.write(data)
        return True

    def pause_writing(self) -> None:
        self._full = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        full, self._full = self._full, None
        if full is not None and not full.done():
            full.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self.resume_writing()
        super().connection_lost(error)
