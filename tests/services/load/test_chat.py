"""The program that measures answers, with next to no load."""

from __future__ import annotations

import pytest

from tests.services.load.chat import Row, arguments, rows, table
from tests.services.load.clients import Findings


def row(clients: int, first: float, who: str = "ours") -> Row:
    return Row(who, "at once", clients, Findings([first] * 4, [1.5] * 4), cpu=0.02, others=0.31)


def test_first_tokens_are_told_as_multiples_of_ones_own():
    told = table([row(1, 0.14), row(1, 0.15, "OPEA's"), row(32, 0.21), row(32, 3.0, "OPEA's")])
    assert told.splitlines()[2:] == [
        "| ours | at once | 1 | 4 | 140.0 | 140.0 | 1.00 | 1500 | 5.0 | 0.3 |",
        "| OPEA's | at once | 1 | 4 | 150.0 | 150.0 | 1.00 | 1500 | 5.0 | 0.3 |",
        "| ours | at once | 32 | 4 | 210.0 | 210.0 | 1.50 | 1500 | 5.0 | 0.3 |",
        "| OPEA's | at once | 32 | 4 | 3000.0 | 3000.0 | 20.00 | 1500 | 5.0 | 0.3 |",
    ]


@pytest.mark.parametrize("more", ["--form opea", "--store"])
def test_the_pipeline_is_measured(more: str):
    given = f"--clients 2 --come spread --rounds 1 --tokens 3 {more}"
    [found] = rows(arguments(given.split()))
    assert len(found.found.first) == len(found.found.whole) == 2
    # What the engines take: it is not measured faster than that.
    assert 0.1 < min(found.found.first) < min(found.found.whole)
    assert found.cpu > 0
    assert 0 <= found.others < 1000
