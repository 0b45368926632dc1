from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.load import report, saved
from tests.load.figures import Start
from tests.load.test_report import AROUND, run, summarised


def test_what_is_written_is_read_again(tmp_path: Path):
    start = Start(0.3, 0.4, 1e6, 2e6, 1e6)
    runs = [run("adapter", "lock32", 0.02), run("adapter", "start", 0.1, start=start)]
    results = summarised(*runs)
    saved.write(tmp_path, "a page", report.document(AROUND, results, runs), "vllm")
    found = saved.read(tmp_path / "vllm")
    assert found.results == results
    assert found.note == "The figures of the real engine are of `bench`, 2026-01-02."
    assert (tmp_path / "vllm.md").read_text() == "a page"
    assert replace(start) == found.results["start", "adapter"].start


def test_nothing_was_written(tmp_path: Path):
    found = saved.read(tmp_path / "vllm")
    assert found.results == {}
    assert "make bench-vllm" in found.note


def test_the_machine_and_the_time():
    assert " cores of " in saved.machine()
    assert saved.now().endswith(" UTC")
