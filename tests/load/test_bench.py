"""The runner as it is called, with the target that is never broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.load import phases
from tests.load.bench import arguments, chosen
from tests.load.targets import ADAPTER, BASELINE, BY_NAME, TWO_WORKERS
from tests.support.machine import ROOT, clean_environ


@pytest.mark.timeout(90)
def test_a_run_from_end_to_end(tmp_path: Path):
    command = [sys.executable, "-m", "tests.load.bench", "--quick", "--repeats", "1"]
    command += ["--targets", BASELINE, "--phases", "start", "calm", "burst"]
    done = subprocess.run(
        [*command, "--output", str(tmp_path)],
        cwd=ROOT,
        env=clean_environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (tmp_path / "report.md").read_text() + "\n"
    rows = orjson.loads((tmp_path / "report.json").read_bytes())["summaries"]
    found = {(row["phase"], row["target"]): row for row in rows}
    assert all(not row["failed"] for row in rows)
    assert found["burst", BASELINE]["cpu_per_token"] > 0
    assert 0 < found["start", BASELINE]["start"]["up"] < 30
    assert found["calm", "direct"]["delay_p50"] > 0
    assert (tmp_path / "report.svg").read_text().startswith("<svg ")


def picked(*given: str) -> tuple[set[str], set[str]]:
    found, wanted = chosen(arguments([*given]))
    return {row.name for row in found}, {row.name for row in wanted}


def test_all_of_it():
    assert picked() == ({*phases.BY_NAME}, {*BY_NAME})


def test_a_minute():
    found, wanted = picked("--quick")
    assert wanted == {ADAPTER, BASELINE}
    assert found == {"ttft", "lock32", "short", "burst"}


def test_a_variant_stands_only_for_its_phases():
    assert TWO_WORKERS not in picked("--phases", "lock32")[1]
    assert picked("--phases", "workers")[1] == {ADAPTER, TWO_WORKERS}
