"""The end of the adapter: answers in flight may go on for a moment, then are told why they end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol

from adapter.errors import AdapterError, Stopping


class Endable(Protocol):
    def end(self, error: AdapterError) -> None:
        """Ends it at once; who waits for it is told why."""


class Opening:
    """Around the wait for an engine's first word, which may take as long as a stream.

    Raises:
        AdapterError: somebody ended it.
    """

    __slots__ = ("_error", "_streams", "_task")

    def __init__(self, streams: OpenStreams) -> None:
        self._streams = streams
        self._task = asyncio.current_task()
        self._error: AdapterError | None = None

    def __enter__(self) -> None:
        self._streams.begin(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._streams.finish(self)
        if self._error is not None and kind is asyncio.CancelledError:
            raise self._error from None

    def end(self, error: AdapterError) -> None:
        self._error = error
        if self._task is not None:
            self._task.cancel()


class OpenStreams:
    """The streams of engines that are being read, and those that are waited for."""

    def __init__(self) -> None:
        self._streams: set[Endable] = set()
        self._none = asyncio.Event()
        self._over: AdapterError | None = None
        """Why nothing may begin any more."""

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
        if self._over:
            stream.end(self._over)

    def finish(self, stream: Endable) -> None:
        self._streams.discard(stream)
        if not self._streams:
            self._none.set()

    def opening(self) -> Opening:
        """Around the wait for an engine's first word."""
        return Opening(self)

    async def end(self, grace: float) -> None:
        """Waits for their end; those that go on after `grace` seconds are ended."""
        if self._streams:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self._none.wait()
        self._over = Stopping("the adapter is shutting down")
        for stream in list(self._streams):
            stream.end(self._over)
