"""The end of the adapter: answers in flight may go on for a moment, then are told why they end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

from adapter.errors import AdapterError, Stopping

GRACE_SECONDS = 3.0


class Endable(Protocol):
    def end(self, error: AdapterError) -> None:
        """Ends it at once; who waits for it is told why."""


class _Opening:
    """A wait for an engine's first word."""

    def __init__(self) -> None:
        self.scope = asyncio.timeout(None)
        self.error: AdapterError | None = None

    def end(self, error: AdapterError) -> None:
        self.error = error
        self.scope.reschedule(asyncio.get_running_loop().time())


class OpenStreams:
    """The streams of engines that are being read, and those that are waited for."""

    def __init__(self) -> None:
        self._streams: set[Endable] = set()
        self._none = asyncio.Event()

    @contextlib.contextmanager
    def counted(self, stream: Endable) -> Iterator[None]:
        self.begin(stream)
        try:
            yield
        finally:
            self.finish(stream)

    def begin(self, stream: Endable) -> None:
        self._streams.add(stream)
        self._none.clear()

    def finish(self, stream: Endable) -> None:
        self._streams.discard(stream)
        if not self._streams:
            self._none.set()

    @contextlib.asynccontextmanager
    async def opening(self) -> AsyncIterator[None]:
        """Around the wait for an answer that comes whole, which may take as long as a stream.

        Raises:
            AdapterError: somebody ended it.
        """
        opening = _Opening()
        with self.counted(opening):
            try:
                async with opening.scope:
                    yield
            except TimeoutError:
                if opening.error is None:
                    raise
                raise opening.error from None

    async def end(self, grace: float) -> None:
        """Waits for their end; those that go on after `grace` seconds are ended."""
        if not self._streams:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._none.wait()
        for stream in list(self._streams):
            stream.end(Stopping("the adapter is shutting down"))
