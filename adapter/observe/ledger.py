"""Finished requests, counted and logged a moment later and many at once.

Each by itself would cost four times as much, for its code would have left the processor's cache.
"""

from __future__ import annotations

import asyncio
import time

from adapter.observe import logs
from adapter.observe.facts import Facts
from adapter.observe.metrics import Metrics

_DELAY_SECONDS = 0.05


class Ledger:
    """`flush` is called by itself; whoever wants to see the figures calls it first."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._waiting: list[Facts] = []

    def finished(self, facts: Facts) -> None:
        """Takes a request that is over."""
        facts.ended_at = time.time()
        if not self._waiting:
            asyncio.get_running_loop().call_later(_DELAY_SECONDS, self.flush)
        self._waiting.append(facts)

    def flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for facts in waiting:
            self._metrics.record(facts)
        logs.log_requests(waiting)
