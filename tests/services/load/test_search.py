"""The program that measures searches, on an index that takes no time."""

from __future__ import annotations

import pytest

from tests.services.load.search import Times, arguments, run


async def test_every_search_is_measured(tmp_path, capsys: pytest.CaptureFixture[str]):
    given = f"--chunks 250 --dimension 8 --questions 3 --store sqlite:{tmp_path}/s.sqlite"
    await run(arguments(given.split()))
    told = capsys.readouterr().out
    for row in ("| first dense |", "| dense |", "| lexical |", "| hybrid |", "passages/s stored"):
        assert row in told
    assert "sqlite, 250 passages of 160 words and 8 dimensions" in told


def test_a_row_has_median_tail_and_goal():
    times = Times("dense", [1.0, 2.0, 9.0], cpu=3.5, others=0.26)
    assert times.median == 2
    assert times.row() == "| dense | 2.0 | 8.3 | 3.5 | 0.3 | 15 |"
