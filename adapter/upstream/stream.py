"""An answer of the engine as it comes in, with an eye on the clock."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Self

import aiohttp

from adapter.errors import AdapterError, UpstreamError, UpstreamSilent
from adapter.settings import Timeouts
from adapter.upstream.faults import border

_DRAIN_SECONDS = 0.1


class EngineStream:
    """Bytes of an open event stream. Closing it is what frees the engine's slot.

    A watchdog ends it when no event came for `first_byte` seconds at first and `idle` seconds
    later. Only bytes with `data:` count: an engine that hangs in its shutdown sends comments for
    ever. And only time spent reading counts: a slow client is not the engine's silence.
    """

    def __init__(
        self, response: aiohttp.ClientResponse, timeouts: Timeouts, name: str, asked_at: float
    ) -> None:
        self._response = response
        self._timeouts = timeouts
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._limit = timeouts.first_byte
        self._quiet_since = asked_at
        self._reading = self._event_seen = False
        self._ended_by: AdapterError | None = None
        self._timer = self._loop.call_later(min(self._limit, timeouts.idle), self._watch)

    @property
    def content_type(self) -> str:
        """What it is, without its parameters."""
        return self._response.content_type

    @property
    def full_content_type(self) -> str:
        return self._response.headers.get("Content-Type", "")

    async def read(self) -> bytes:
        """What has arrived since, at least one byte; b"" at the end.

        Raises:
            UpstreamError: the connection broke, or the engine was silent for too long.
            AdapterError: somebody ended it.
        """
        if self._event_seen:
            self._quiet_since = self._loop.time()
        self._reading = True
        try:
            with border(self._name):
                data = await self._response.content.readany()
        except UpstreamError as error:
            raise self._ended_by or error from None
        finally:
            self._reading = False
        self._event_seen = b"data:" in data
        if self._event_seen:
            self._limit = self._timeouts.idle
        return data

    def _watch(self) -> None:
        left = self._quiet_since + self._limit - self._loop.time() if self._reading else self._limit
        if left <= 0:
            self.end(UpstreamSilent(f"the engine {self._name} was silent for {self._limit:g} s"))
        else:
            # Never later than the idle limit: it takes over when the first event comes.
            self._timer = self._loop.call_later(min(left, self._timeouts.idle), self._watch)

    def end(self, error: AdapterError) -> None:
        """Ends it at once; whoever reads is told why."""
        self._ended_by = error
        self._response.close()

    async def drain(self) -> None:
        """Reads the end of an answer whose last event is known, so that its connection lives on."""
        with contextlib.suppress(UpstreamError, TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while await self.read():
                    pass

    def close(self) -> None:
        """Gives a finished answer's connection back; an unfinished one's is closed."""
        self._timer.cancel()
        self._response.release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
