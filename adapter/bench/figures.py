"""From the times of single answers to the figures of a round. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: a value that was seen.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("no values")
    rank = max(1, math.ceil(percent / 100 * len(values)))
    return sorted(values)[rank - 1]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request. Times in seconds.

    `gaps` are the times between pieces of text; `fault` is empty for an answer that is whole.
    `tokens` is the server's own count, of a whole answer.
    """

    fault: str = ""
    tokens: int = 0
    first: float | None = None
    gaps: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Round:
    """Answers that were asked for with so many streams at once; `seconds` is how long it took."""

    server: str
    streams: int
    seconds: float
    answers: Sequence[Answer]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of all rounds of a server with so many streams at once. Times in milliseconds; None where
    no answer gave any."""

    server: str
    streams: int
    answers: int
    tokens: int
    tokens_per_second: float
    first_p50: float | None
    first_p99: float | None
    gap_p50: float | None
    gap_p99: float | None
    failed: Mapping[str, int]


def figures(rounds: Sequence[Round]) -> Figures:
    """Of rounds of one server, with the same number of streams; there is at least one.

    What came of answers that failed is not counted: neither their tokens nor their times.
    """
    whole = [answer for row in rounds for answer in row.answers if not answer.fault]
    faults = Counter(answer.fault for row in rounds for answer in row.answers if answer.fault)
    seconds = sum(row.seconds for row in rounds)
    tokens = sum(answer.tokens for answer in whole)
    firsts = [answer.first for answer in whole if answer.first is not None]
    gaps = [gap for answer in whole for gap in answer.gaps]
    return Figures(
        server=rounds[0].server,
        streams=rounds[0].streams,
        answers=len(whole),
        tokens=tokens,
        tokens_per_second=tokens / seconds if seconds else 0.0,
        first_p50=_milliseconds(firsts, 50),
        first_p99=_milliseconds(firsts, 99),
        gap_p50=_milliseconds(gaps, 50),
        gap_p99=_milliseconds(gaps, 99),
        failed=dict(faults),
    )


def summed(rounds: Sequence[Round]) -> list[Figures]:
    """Those of each server and number of streams, in the order in which they were measured."""
    grouped: dict[tuple[int, str], list[Round]] = {}
    for row in rounds:
        grouped.setdefault((row.streams, row.server), []).append(row)
    return [figures(group) for group in grouped.values()]


def _milliseconds(values: Sequence[float], percent: float) -> float | None:
    return percentile(values, percent) * 1000 if values else None
