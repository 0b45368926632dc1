"""How good a ranking is, and how sure the mean of many is. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

DEPTH = 10
RESAMPLES = 10_000
SEED = 20_261_122
"""Of the resampling: the same rankings have the same intervals."""


def recall(ranking: Sequence[str], relevant: Collection[str], depth: int = DEPTH) -> float:
    """The share of what is relevant that is among the first."""
    return len(set(ranking[:depth]) & set(relevant)) / len(relevant)


def ndcg(ranking: Sequence[str], relevant: Collection[str], depth: int = DEPTH) -> float:
    """Discounted gain, of the greatest possible; a thing counts where it first stands."""
    gain = sum(1 / math.log2(rank + 1) for rank, one in _firsts(ranking[:depth]) if one in relevant)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(depth, len(relevant)) + 1))
    return gain / ideal


def _firsts(ranking: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Each thing with its first rank, from 1."""
    seen: set[str] = set()
    for rank, one in enumerate(ranking, 1):
        if one not in seen:
            yield rank, one
        seen.add(one)


@dataclass(frozen=True)
class Interval:
    """A mean, and where 95 of 100 means of resampled questions lie."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"


def interval(values: Sequence[float]) -> Interval:
    """By the bootstrap: as many values are drawn, with replacement, over and over."""
    given = np.asarray(values)
    draw = np.random.default_rng(SEED)
    means = [given[draw.integers(len(given), size=len(given))].mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(given.mean()), float(low), float(high))
