"""From measurements to figures: medians, spreads, ratios. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("no values")
    rank = max(1, math.ceil(percent / 100 * len(values)))
    return sorted(values)[rank - 1]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One load on one target.

    `cpu` and `seconds` in seconds; `others` is how many cores were busy with what is no part of
    the benchmark; first-token times in milliseconds; memory in bytes, at most and before the load.
    `left`: milliseconds after which the engine was idle when all clients had left.
    """

    target: str
    phase: str
    answers: int
    tokens: int
    seconds: float
    cpu: float
    others: float
    first_token_p50: float | None
    first_token_p99: float | None
    memory_before: int
    memory_most: int
    left: float | None = None
    failed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Summary:
    """The medians of a target's measurements in one phase.

    CPU in microseconds, `spread` is (most - least) / median of the CPU per token; `busy` the
    share of one core that the target used; times in milliseconds, bytes per client.
    """

    target: str
    phase: str
    runs: int
    answers: int
    failed: Mapping[str, int]
    cpu_per_token: float | None
    cpu_per_answer: float | None
    spread: float | None
    busy: float
    tokens_per_second: float
    answers_per_second: float
    first_token_p50: float | None
    first_token_p99: float | None
    others: float
    memory_per_client: float
    left: float | None = None


BUSY = 0.3
"""Cores at work on other things from which on times are not printed: they would tell of those."""


def is_quiet(found: Iterable[Summary]) -> bool:
    return all(row.others < BUSY for row in found)


def _middle(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def summary(runs: Sequence[Measurement], clients: int) -> Summary:
    """Of the runs of one target in one phase with so many clients; there is at least one."""
    per_token = [run.cpu / run.tokens * 1e6 for run in runs if run.tokens]
    grown = [max(0, run.memory_most - run.memory_before) / clients for run in runs]
    return Summary(
        target=runs[0].target,
        phase=runs[0].phase,
        runs=len(runs),
        answers=sum(run.answers for run in runs),
        failed=dict(sum((Counter(run.failed) for run in runs), Counter())),
        cpu_per_token=_middle(per_token),
        cpu_per_answer=_middle(run.cpu / run.answers * 1e6 for run in runs if run.answers),
        spread=ratio(max(per_token) - min(per_token), median(per_token)) if per_token else None,
        busy=median(run.cpu / run.seconds for run in runs),
        tokens_per_second=median(run.tokens / run.seconds for run in runs),
        answers_per_second=median(run.answers / run.seconds for run in runs),
        first_token_p50=_middle(run.first_token_p50 for run in runs),
        first_token_p99=_middle(run.first_token_p99 for run in runs),
        others=median(run.others for run in runs),
        memory_per_client=median(grown),
        left=_middle(run.left for run in runs),
    )


def ratio(value: float | None, base: float | None) -> float | None:
    return value / base if value is not None and base else None


def added(value: float | None, base: float | None) -> float | None:
    return value - base if value is not None and base is not None else None
