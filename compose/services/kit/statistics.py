"""Latencies of late, as OPEA's /v1/statistics tells them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

REMEMBERED = 1000
"""Requests; what was before is in the metrics."""


class Statistics:
    """Seconds until the whole answer, and until the first token where there is one."""

    def __init__(self) -> None:
        self._whole: dict[str, deque[float]] = {}
        self._first: dict[str, deque[float]] = {}

    def add(self, name: str, whole: float, first: float | None = None) -> None:
        self._whole.setdefault(name, deque(maxlen=REMEMBERED)).append(whole)
        if first is not None:
            self._first.setdefault(name, deque(maxlen=REMEMBERED)).append(first)

    def told(self) -> dict[str, dict[str, float | None]]:
        return {
            name: figures(list(whole)) | figures(list(self._first.get(name, ())), "_first_token")
            for name, whole in self._whole.items()
        }


def figures(values: Sequence[float], suffix: str = "") -> dict[str, float | None]:
    """Median, 99th percentile and mean; None where nothing was measured."""
    ordered = sorted(values)
    return {
        f"p50_latency{suffix}": at(ordered, 0.5),
        f"p99_latency{suffix}": at(ordered, 0.99),
        f"average_latency{suffix}": sum(ordered) / len(ordered) if ordered else None,
    }


def at(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of the values does not exceed."""
    if not ordered:
        return None
    below = -int(-share * len(ordered) // 1)  # rounded up
    return ordered[max(below, 1) - 1]
