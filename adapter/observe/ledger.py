"""Finished requests, counted and logged a moment later and several at once.

Each by itself would cost four times as much, for its code would have left the processor's cache;
all at once would keep a request that comes just then waiting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from adapter.observe import logs
from adapter.observe.facts import Facts
from adapter.observe.metrics import Metrics

_DELAY_SECONDS = 0.05
_AT_ONCE = 8


class Ledger:
    """`flush` is called by itself; whoever wants to see the figures calls it first."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._waiting: list[Facts] = []

    def finished(self, facts: Facts) -> None:
        """Takes a request that is over."""
        facts.ended_at = time.time()
        if not self._waiting:
            asyncio.get_running_loop().call_later(_DELAY_SECONDS, self._flush_some)
        self._waiting.append(facts)

    def flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._record(waiting)

    def _flush_some(self) -> None:
        """In as many turns of the loop as it takes."""
        many = _AT_ONCE + len(self._waiting) // _AT_ONCE  # or they could come faster than they go
        some, self._waiting = self._waiting[:many], self._waiting[many:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._flush_some)
        self._record(some)

    def _record(self, finished: Sequence[Facts]) -> None:
        for facts in finished:
            self._metrics.record(facts)
        logs.log_requests(finished)
