"""An event loop whose time passes only while all sleep, and then at once."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any


class TimelessLoop(asyncio.SelectorEventLoop):
    """For tests without sockets: a minute's silence takes no time, and is a minute to the clock."""

    def __init__(self) -> None:
        self._passed = 1000.0
        super().__init__(_Skipping(self))

    def time(self) -> float:
        return self._passed

    def skip(self, seconds: float) -> None:
        self._passed += seconds

    @property
    def timers(self) -> int:
        """How many calls are still to come."""
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        return sum(not handle.cancelled() for handle in scheduled)


class _Skipping(selectors.SelectSelector):
    def __init__(self, loop: TimelessLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if not timeout:
            return super().select(timeout)
        self._loop.skip(timeout)
        return super().select(0)
