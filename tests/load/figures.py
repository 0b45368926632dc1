"""From measurements to figures: medians, spreads, ratios. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Start:
    """Of a process: seconds from its start to its first answer of any kind, and to the first whole
    chat; bytes in memory (RSS of all its processes) after each, and its own part of that (PSS)."""

    up: float
    answered: float
    memory_up: float
    memory_answered: float
    memory_own: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """One load on one target.

    `cpu` and `seconds` in seconds, as are `own` and `engine`: the CPU of the load generator and of
    the mock engine. `others` is how many cores were busy with what is no part of the benchmark,
    `free` how many all of these left to the target. First-token times and `delays` in
    milliseconds (see tests/load/generator.py); memory in bytes, at most and before the load.
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
    own: float = 0.0
    engine: float = 0.0
    free: float = 1.0
    workers: int = 1
    delays: tuple[float, float, float] | None = None
    start: Start | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The medians of a target's measurements in one phase.

    CPU in microseconds, `spread` is (most - least) / median of the CPU per token; `busy` the
    share of one core that the target used; times in milliseconds, bytes per client. `own` and
    `engine` are the CPU per answer of the benchmark's own processes. `rate` is the answers per
    second that the target would give if each of its workers had a core to itself.
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
    own: float | None = None
    engine: float | None = None
    rate: float | None = None
    delay_p50: float | None = None
    delay_p99: float | None = None
    delay_most: float | None = None
    start: Start | None = None


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
        own=_middle(run.own / run.answers * 1e6 for run in runs if run.answers),
        engine=_middle(run.engine / run.answers * 1e6 for run in runs if run.answers),
        rate=_middle(map(unhindered_rate, runs)),
        delay_p50=_middle(run.delays and run.delays[0] for run in runs),
        delay_p99=_middle(run.delays and run.delays[1] for run in runs),
        delay_most=_middle(run.delays and run.delays[2] for run in runs),
        start=_middle_start([run.start for run in runs if run.start]),
    )


def unhindered_rate(run: Measurement) -> float | None:
    """Answers per second, by the share of the cores that its workers could have.

    On a machine of two cores, two workers share them with the load generator and the mock engine:
    what those took, the workers did not have. What the workers did have and did not use counts
    against them.
    """
    share = min(1.0, run.free / run.workers)
    return run.answers / run.seconds / share if share > 0 else None


def _middle_start(starts: Sequence[Start]) -> Start | None:
    if not starts:
        return None
    return Start(*(median(values) for values in zip(*map(astuple, starts), strict=True)))


def ratio(value: float | None, base: float | None) -> float | None:
    return value / base if value is not None and base else None


def added(value: float | None, base: float | None) -> float | None:
    return value - base if value is not None and base is not None else None
