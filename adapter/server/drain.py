"""The end of the adapter: answers in flight may go on for a moment, then are told why they end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from adapter.errors import Stopping
from adapter.upstream.stream import EngineStream

GRACE_SECONDS = 3.0


class OpenStreams:
    """The streams of engines that are being read."""

    def __init__(self) -> None:
        self._streams: set[EngineStream] = set()
        self._none = asyncio.Event()

    @contextlib.contextmanager
    def counted(self, stream: EngineStream) -> Iterator[None]:
        self._streams.add(stream)
        self._none.clear()
        try:
            yield
        finally:
            self._streams.discard(stream)
            if not self._streams:
                self._none.set()

    async def end(self, grace: float) -> None:
        """Waits for their end; those that go on after `grace` seconds are ended."""
        if not self._streams:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._none.wait()
        for stream in list(self._streams):
            stream.end(Stopping("the adapter is shutting down"))
