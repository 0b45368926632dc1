"""The runner: `python -m tests.load.bench` (or `make bench`) starts everything, measures, reports.

All targets stand ready for the whole run, one after another is loaded: A B A B, so that what the
machine does beside it meets all of them alike.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.load import loops, phases, report, saved, targets
from tests.load.figures import Measurement, Summary, summary
from tests.load.measuring import measurements
from tests.load.phases import Phase
from tests.load.picture import picture
from tests.load.stage import Stage
from tests.load.target import Target
from tests.support.machine import VENV

REPEATS = 3


def summaries(measured: Sequence[Measurement]) -> dict[tuple[str, str], Summary]:
    runs: dict[tuple[str, str], list[Measurement]] = {}
    for one in measured:
        runs.setdefault((one.phase, one.target), []).append(one)
    return {key: summary(found, phases.BY_NAME[key[0]].clients) for key, found in runs.items()}


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="what the adapter costs")
    parser.add_argument("--quick", action="store_true", help="in-tree targets, within a minute")
    parser.add_argument("--phases", nargs="+", choices=phases.BY_NAME, metavar="PHASE")
    parser.add_argument("--targets", nargs="+", choices=targets.BY_NAME, metavar="TARGET")
    parser.add_argument("--repeats", type=int, default=REPEATS, help=f"default: {REPEATS}")
    parser.add_argument("--peers", type=Path, default=VENV / "peers", help="their environments")
    parser.add_argument("--output", type=Path, default=VENV / "bench", help="folder for reports")
    return parser.parse_args(given)


def chosen(asked: argparse.Namespace) -> tuple[list[Phase], list[Target]]:
    """The phases to measure, and the targets that take part in any of them."""
    names = asked.phases or [row.name for row in phases.PHASES if row.quick or not asked.quick]
    servers = asked.targets or (
        [targets.ADAPTER, targets.BASELINE] if asked.quick else list(targets.BY_NAME)
    )
    loads = [row for row in phases.PHASES if row.name in names]
    wanted = [
        row
        for row in targets.TARGETS
        if row.name in servers and any(targets.takes_part(row.name, one.only) for one in loads)
    ]
    return loads, wanted


def run(asked: argparse.Namespace) -> int:
    """The whole benchmark; 1 if an answer of ours was wrong or missing, 130 if it was interrupted:
    what was measured until then is told."""
    loops.allow_many_files()
    loads, wanted = chosen(asked)
    load, complete = os.getloadavg()[0], True
    measured: list[Measurement] = []
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Stage(Path(folder), asked.peers.absolute()) as stage,
    ):
        try:
            standing = [found for target in wanted if (found := stage.stand(target))]
            for one in measurements(stage, standing, loads, asked.repeats, asked.quick):
                measured.append(one)
                told = f"{one.phase:12} {one.target:20} {one.answers} answers, {one.seconds:.1f} s"
                print(told, file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            complete = False
            print("interrupted", file=sys.stderr)
    engine = saved.read(asked.output / saved.ENGINE)
    around = report.Surroundings(
        command=" ".join(["python -m tests.load.bench", *sys.argv[1:]]),
        date=saved.now(),
        machine=saved.machine(),
        load=(load, os.getloadavg()[0]),
        versions=stage.versions,
        skipped=stage.skipped,
        note=engine.note if complete else f"{engine.note} This run was interrupted.",
    )
    results = summaries(measured) | engine.results
    page = report.markdown(around, loads, results)
    saved.write(asked.output, page, report.document(around, results, measured))
    (asked.output / "report.svg").write_text(picture(*report.drawn(results)))
    print(page)
    if not complete:
        return 130
    wrong = any(row.failed for (_, name), row in results.items() if name in targets.OURS)
    return 1 if wrong or targets.OURS & stage.skipped.keys() else 0


def interrupted(*_: object) -> None:
    """A signal's handler: ended by SIGTERM, it is cleared away as after Ctrl-C."""
    raise KeyboardInterrupt


def main() -> int:
    signal.signal(signal.SIGTERM, interrupted)
    try:
        return run(arguments())
    except KeyboardInterrupt:
        print("interrupted; everything is stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
