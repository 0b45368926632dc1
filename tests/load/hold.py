"""What a change may not make slower: the watched ratios, from a short run of in-tree targets."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.load import loops, phases
from tests.load.bench import summaries
from tests.load.goals import WATCHED, Goal, Results
from tests.load.measuring import measurements
from tests.load.stage import Stage
from tests.load.target import Target
from tests.load.targets import ADAPTER, BASELINE, BY_NAME

PHASES = ("lock32", "short")
TARGETS = (BY_NAME[ADAPTER], BY_NAME[BASELINE])
REPEATS = 3
AGAIN = "python -m tests.load.bench --quick --phases lock32 short"


def measured(targets: Sequence[Target] = TARGETS, repeats: int = REPEATS) -> Results:
    """The summaries of a run of some twenty seconds, the targets in turns.

    Raises:
        RuntimeError: one of them does not run.
    """
    loops.allow_many_files()
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Stage(Path(folder), Path(folder)) as stage,
    ):
        standing = [found for target in targets if (found := stage.stand(target))]
        if stage.skipped:
            raise RuntimeError(f"not to be measured: {stage.skipped}")
        chosen = [phases.BY_NAME[name] for name in PHASES]
        return summaries([*measurements(stage, standing, chosen, repeats, quick=True)])


def complaints(results: Results, watched: Sequence[Goal] = WATCHED) -> list[str]:
    """A line for each figure that is out of bounds, and for each answer that was not right."""
    lines = []
    for goal in watched:
        value = goal.measured(results)
        if value is None:
            lines.append(f"{goal.about}: not measured")
        elif not goal.met(value):
            side = "at most" if goal.most else "at least"
            lines.append(
                f"{goal.about}: {value:.2f}, and {side} {goal.must:g} is allowed ({AGAIN})"
            )
    for (phase, name), row in results.items():
        if row.failed:
            lines.append(f"{phase}, {name}: {dict(row.failed)} of {row.answers} answers ({AGAIN})")
    return lines
