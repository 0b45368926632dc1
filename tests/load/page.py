"""Puts the results of the last runs on the page about performance: `python -m tests.load.page`."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from tests.load import phases, saved
from tests.load.goals import Results
from tests.load.report import goals_table, phase_table
from tests.support.machine import ROOT, VENV

PAGE = ROOT / "docs" / "explanation" / "performance.md"
PICTURE = "performance.svg"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
SHOWN = ("lock200", "lock32", "short", "setups", "workers", "start", "conc1000", "conc5000")
"""The phases whose tables stand on the page."""


def section(around: Mapping[str, Any], results: Results) -> str:
    """What stands between the marks."""
    versions = [f"- {name}: {told}" for name, told in around["versions"].items()]
    load = "load average {:.2f} at the start, {:.2f} at the end".format(*around["load"])
    parts = [
        f"`{around['command']}` · {around['date']} · {around['machine']} · {load}",
        "\n".join(versions),
        goals_table(results),
        around["note"],
        f"![CPU per token, and the delay of a token]({PICTURE})",
    ]
    for name in SHOWN:
        if any(phase == name for phase, _ in results):
            phase = phases.BY_NAME[name]
            parts += [f"### {name}: {phase.about}", phase_table(phase, results)]
    return "\n\n".join(part for part in parts if part)


def placed(page: str, text: str) -> str:
    """The page with the text between its marks.

    Raises:
        ValueError: it has no marks.
    """
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return f"{page[:begin]}\n{text}\n{page[end:]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, default=VENV / "bench", help="folder of the reports")
    source = parser.parse_args().source
    try:
        document = orjson.loads((source / f"{saved.OWN}.json").read_bytes())
    except FileNotFoundError as error:
        print(f"error: {error.filename} is not there: run `make bench` first", file=sys.stderr)
        return 2
    results = dict(saved.read(source / saved.OWN).results)
    PAGE.write_text(placed(PAGE.read_text(), section(document["surroundings"], results)))
    shutil.copy(source / f"{saved.OWN}.svg", PAGE.parent / PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
