"""An engine's answer as it comes in, with an eye on the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from adapter.errors import AdapterError, UpstreamSilent
from adapter.settings import Timeouts
from adapter.upstream.connection import Connection
from adapter.upstream.faults import broken

Sink = Callable[[bytes], bool]
"""Takes the bytes of one read; True if it has enough for now."""

_WAITING_LIMIT = 2**16
_GRACE_SECONDS = 0.1


class Answer:
    """Status, headers and body. Closing one that is not over is what frees the engine's slot.

    A watchdog ends it when no event came for `first_byte` seconds at first and `idle` seconds
    later. Only bytes with `data:` count: an engine that hangs in its shutdown sends comments for
    ever. And only time spent reading counts: a slow client is not the engine's silence.
    """

    __slots__ = (
        "__weakref__",
        "_connection",
        "_event_at",
        "_fault",
        "_left",
        "_loop",
        "_name",
        "_over",
        "_read_since",
        "_reading",
        "_sink",
        "_time",
        "_timeouts",
        "_timer",
        "_told",
        "_waiting",
        "_waiting_size",
        "headers",
        "status",
    )

    def __init__(self, connection: Connection, timeouts: Timeouts, name: str) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        """By names in small letters."""
        self._connection = connection
        self._timeouts = timeouts
        self._name = name
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._sink: Sink | None = None
        self._over = self._left = False
        self._fault: AdapterError | None = None
        self._loop = asyncio.get_running_loop()
        self._time = self._loop.time
        self._told: asyncio.Future[bool] = self._loop.create_future()
        """What the one that waits is told: whether it was stopped by its own sink."""
        self._reading = True
        self._read_since = self._time()
        self._event_at = 0.0
        self._timer = self._loop.call_later(self._longest_nap, self._watch)

    @property
    def content_type(self) -> str:
        """What it is, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def begun(self) -> None:
        """Waits for the status and the headers.

        Raises:
            UpstreamError: the connection broke, or the engine was silent for too long.
            AdapterError: somebody ended it.
        """
        await self._told
        self._reading = False
        if self._fault:
            raise self._fault

    async def pour(self, sink: Sink) -> bool:
        """Gives `sink` every read as it comes; True if it had enough, False at the answer's end.

        What comes in between two calls waits for the second. Errors as of `begun`, after what
        came before them.
        """
        while self._waiting:
            if sink(self._take_waiting()):
                return True
        if self._over:
            if self._fault:
                raise self._fault
            return False
        self._listen(sink)
        try:
            stopped = await self._told
        finally:
            self._sink, self._reading = None, False
        if self._fault and not stopped:
            raise self._fault
        return stopped

    async def read(self, limit: int | None = None) -> bytes:
        """All of the body, or as much of it as has come when it is over the limit."""
        parts: list[bytes] = []
        size = 0

        def keep(data: bytes) -> bool:
            nonlocal size
            parts.append(data)
            size += len(data)
            return limit is not None and size >= limit

        await self.pour(keep)
        return b"".join(parts)

    def put_back(self, data: bytes) -> None:
        """Of an answer that is over: what was read comes again."""
        self._waiting.insert(0, data)

    def hold(self) -> None:
        """Has the engine wait until somebody pours again."""
        if not self._over:
            self._connection.pause()

    def end(self, error: AdapterError) -> None:
        """Ends it at once; whoever reads is told why."""
        if not self._over:
            self._connection.abort()
            self._finish(error)

    def let_go(self) -> None:
        """For an answer whose last event is known: if its end comes within a moment, its
        connection lives on."""
        self._timer.cancel()
        self._left = True
        if not self._over:
            self._sink = _ignore
            self._connection.resume()
            self._timer = self._loop.call_later(_GRACE_SECONDS, self.close)

    def close(self) -> None:
        """Closes the connection of an answer that is not over."""
        self._timer.cancel()
        if not self._over:
            self._over = True
            self._connection.abort()

    def leave(self) -> None:
        """As `close`, for who may have let it go."""
        if not self._left:
            self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()

    # the connection's side

    def headed(self, status: int, headers: dict[str, str]) -> None:
        self.status, self.headers = status, headers
        self._tell(True)

    def take(self, data: bytes) -> None:
        if b"data:" in data:
            self._event_at = self._time()
        sink = self._sink
        if sink is None:
            self._keep(data)
        elif sink(data):
            self._sink = None
            self._tell(True)

    def over(self, error: Exception | None) -> None:
        self._finish(broken(error, self._name, begun=bool(self.status)) if error else None)

    def _finish(self, fault: AdapterError | None) -> None:
        self._over = True
        self._fault = fault
        self._timer.cancel()
        if self._sink is not None or not self.status:
            self._sink = None
            self._tell(False)

    def _tell(self, stopped: bool) -> None:
        if not self._told.done():  # who waited may have left
            self._told.set_result(stopped)

    def _listen(self, sink: Sink) -> None:
        self._told = self._loop.create_future()
        self._sink = sink
        self._reading = True
        if self._event_at:
            self._read_since = self._time()
        self._connection.resume()

    def _keep(self, data: bytes) -> None:
        self._waiting.append(data)
        self._waiting_size += len(data)
        if self._waiting_size > _WAITING_LIMIT:
            self._connection.pause()

    def _take_waiting(self) -> bytes:
        data, self._waiting, self._waiting_size = b"".join(self._waiting), [], 0
        return data

    @property
    def _longest_nap(self) -> float:
        """Never longer than the idle limit: it takes over when the first event comes."""
        return min(self._timeouts.first_byte, self._timeouts.idle)

    def _watch(self) -> None:
        limit = self._timeouts.idle if self._event_at else self._timeouts.first_byte
        quiet_since = max(self._event_at, self._read_since)
        left = quiet_since + limit - self._time() if self._reading else limit
        if left <= 0:
            self.end(UpstreamSilent(f"the engine {self._name} was silent for {limit:g} s"))
        else:
            self._timer = self._loop.call_later(min(left, self._longest_nap), self._watch)


def _ignore(data: bytes) -> bool:
    return False
