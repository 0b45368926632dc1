"""The report of a run, as Markdown and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.load.figures import Measurement, Summary, added, is_quiet, ratio
from tests.load.goals import GOALS, WATCHED, Goal, Results
from tests.load.phases import PACED, Phase
from tests.load.targets import BASELINE, DIRECT, FLOOR

ALL_GOALS = (*GOALS, *WATCHED)
_NONE = "-"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where and when it was measured. `load` is the load average of the last minute at the start
    and at the end; `versions` by target; `skipped`: why, by target; `note`: what is to be known
    of the goals."""

    command: str
    date: str
    machine: str
    load: tuple[float, float]
    versions: Mapping[str, str]
    skipped: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table whose columns are aligned: the first to the left, figures to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]

    def written(line: Sequence[str]) -> str:
        first, *rest = zip(line, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in rest)]
        return f"| {' | '.join(cells)} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([written(lines[0]), written(rule), *map(written, lines[1:])])


def number(value: float | None, digits: int = 1, unit: str = "") -> str:
    return _NONE if value is None else f"{value:.{digits}f}{unit}"


def _failures(found: Summary) -> str:
    if not found.failed:
        return "0"
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(found.failed.items()))
    return f"{kinds} of {found.answers + sum(found.failed.values())}"


def _per(phase: Phase, found: Summary) -> float | None:
    return found.cpu_per_answer if phase.reading == "answer" else found.cpu_per_token


def _cpu_table(phase: Phase, found: Mapping[str, Summary]) -> str:
    unit = "answer" if phase.reading == "answer" else "token"
    bases = [base for base in (BASELINE, FLOOR) if base in found]
    rows = []
    for name, row in found.items():
        value = _per(phase, row)
        rate = row.answers_per_second if unit == "answer" else row.tokens_per_second
        ratios = [number(ratio(value, _per(phase, found[base])), 2) for base in bases]
        spread = number(row.spread and row.spread * 100, 0, " %")
        rows.append(
            [name, number(value), *ratios, spread, f"{row.busy:.2f}", f"{rate:.0f}", _failures(row)]
        )
    units = [f"µs CPU/{unit}", *(f"÷ {base}" for base in bases)]
    return table(["target", *units, "spread", "cores", f"{unit}s/s", "failed"], rows)


def _time_table(found: Mapping[str, Summary]) -> str:
    direct = found.get(DIRECT)
    quiet = is_quiet(found.values())
    rows = []
    for name, row in found.items():
        p50, p99 = row.first_token_p50, row.first_token_p99
        times = [
            added(p50, direct and direct.first_token_p50),
            added(p99, direct and direct.first_token_p99),
            p50,
            p99,
        ]
        shown = [number(time, 3) if quiet else "busy" for time in times]
        rows.append([name, *shown, number(row.cpu_per_answer), str(row.answers), _failures(row)])
    head = ["target", "added p50 ms", "added p99 ms", "p50 ms", "p99 ms", "µs CPU/answer"]
    return table([*head, "answers", "failed"], rows)


def _memory_table(found: Mapping[str, Summary]) -> str:
    rows = [
        [
            name,
            number(row.memory_per_client / 1024),
            number(row.cpu_per_token),
            f"{row.busy:.2f}",
            str(row.answers),
            _failures(row),
        ]
        for name, row in found.items()
    ]
    return table(["target", "KiB/stream", "µs CPU/token", "cores", "answers", "failed"], rows)


def _delay_table(found: Mapping[str, Summary]) -> str:
    direct, quiet = found.get(DIRECT), is_quiet(found.values())
    rows = []
    for name, row in found.items():
        more = added(row.delay_p50, direct and direct.delay_p50)
        times = (more, row.delay_p50, row.delay_p99, row.delay_most)
        shown = [number(time, 3) if quiet else "busy" for time in times]
        rows.append([name, *shown, number(row.cpu_per_token), str(row.answers), _failures(row)])
    head = ["target", "added p50 ms", "p50 ms", "p99 ms", "longest ms", "µs CPU/token"]
    return table([*head, "answers", "failed"], rows)


def _rate_table(found: Mapping[str, Summary]) -> str:
    rows = [
        [
            name,
            f"{row.answers_per_second:.0f}",
            number(row.rate, 0),
            f"{row.busy:.2f}",
            number(row.cpu_per_answer),
            number(row.own),
            number(row.engine),
            _failures(row),
        ]
        for name, row in found.items()
    ]
    head = ["target", "answers/s", "by its share", "cores", "µs CPU/answer", "generator", "mock"]
    return table([*head, "failed"], rows)


def _start_table(found: Mapping[str, Summary]) -> str:
    rows = []
    for name, row in found.items():
        start = row.start
        sizes = (start.memory_up, start.memory_answered, start.memory_own) if start else [None] * 3
        megabytes = [number(size and size / 1e6) for size in sizes]
        times = [number(start and start.up, 2), number(start and start.answered, 2)]
        rows.append([name, *times, *megabytes, str(row.runs), _failures(row)])
    head = ["target", "first answer s", "first chat s", "RSS MB", "after a chat", "PSS MB"]
    return table([*head, "starts", "failed"], rows)


def _leaving_table(found: Mapping[str, Summary]) -> str:
    rows = [[name, number(row.left, 1), _failures(row)] for name, row in found.items()]
    return table(["target", "ms until the engine is idle", "failed"], rows)


_TABLES = {
    "first token": _time_table,
    "delay": _delay_table,
    "rate": _rate_table,
    "start": _start_table,
    "memory": _memory_table,
    "leaving": _leaving_table,
}


def phase_table(phase: Phase, results: Results) -> str:
    found = {target: row for (name, target), row in results.items() if name == phase.name}
    shown = _TABLES.get(phase.reading)
    return shown(found) if shown else _cpu_table(phase, found)


def _goal(goal: Goal, results: Results) -> list[str]:
    value, sign = goal.measured(results), "≤" if goal.most else "≥"
    aim = _NONE if goal.aim is None else f"{sign} {goal.aim:g}"
    return [goal.about, f"{sign} {goal.must:g}", aim, number(value, 2), goal.mark(value)]


def goals_table(results: Results, goals: Sequence[Goal] = ALL_GOALS) -> str:
    rows = [_goal(goal, results) for goal in goals]
    return table(["figure", "must", "aim", "measured", "met"], rows)


def markdown(
    surroundings: Surroundings,
    phases: Sequence[Phase],
    results: Results,
    goals: Sequence[Goal] = ALL_GOALS,
) -> str:
    around = surroundings
    parts = [
        "# Benchmark",
        f"`{around.command}` · {around.date} · {around.machine} · "
        f"load average {around.load[0]:.2f} at the start, {around.load[1]:.2f} at the end",
        "\n".join(f"- {name}: {told}" for name, told in around.versions.items()),
    ]
    if around.skipped:
        parts.append("\n".join(f"- skipped {name}: {why}" for name, why in around.skipped.items()))
    for phase in phases:
        parts += [f"## {phase.name}: {phase.about}", phase_table(phase, results)]
    parts += ["## Goals", goals_table(results, goals)]
    if around.note:
        parts.append(around.note)
    return "\n\n".join(parts) + "\n"


def drawn(results: Results) -> tuple[dict[str, float], dict[str, dict[int, float]]]:
    """What the picture shows: µs per token, and milliseconds by the number of streams.

    No times of a busy machine here either.
    """
    measured = {phase for phase, _ in results}
    shown = "lock200" if "lock200" in measured else "lock32"  # at 32 not all are kept busy
    bars = {
        name: row.cpu_per_token
        for (phase, name), row in results.items()
        if phase == shown and row.cpu_per_token is not None
    }
    lines: dict[str, dict[int, float]] = {}
    for phase in PACED:
        for (found, name), row in results.items():
            if found == phase.name and row.delay_p50 is not None and is_quiet([row]):
                lines.setdefault(name, {})[phase.clients] = row.delay_p50
    return dict(sorted(bars.items(), key=lambda row: row[1])), lines


def document(
    surroundings: Surroundings, results: Results, measurements: Sequence[Measurement]
) -> dict[str, Any]:
    """Everything, as JSON has it: the medians and each measurement they are of."""
    goals = [
        {"figure": goal.about, "must": goal.must, "aim": goal.aim, "measured": value}
        for goal in ALL_GOALS
        for value in [goal.measured(results)]
    ]
    return {
        "surroundings": asdict(surroundings),
        "summaries": [asdict(row) for row in results.values()],
        "goals": goals,
        "measurements": [asdict(row) for row in measurements],
    }
