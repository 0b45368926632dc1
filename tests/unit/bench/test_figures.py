from __future__ import annotations

import pytest

from adapter.bench.figures import Answer, Round, figures, percentile, summed


def test_percentiles_are_values_that_were_seen():
    values = [5.0, 1.0, 3.0, 2.0, 4.0]
    assert [percentile(values, part) for part in (0, 50, 99, 100)] == [1.0, 3.0, 5.0, 5.0]


def test_no_percentile_of_nothing():
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_tokens_of_all_rounds_by_the_time_of_all_rounds():
    rounds = [
        Round("server", 2, 1.0, [Answer("", 30, 0.1, [0.01, 0.03])]),
        Round("server", 2, 3.0, [Answer("", 10, 0.3, [0.02])]),
    ]
    found = figures(rounds)
    assert (found.answers, found.tokens, found.tokens_per_second) == (2, 40, 10.0)
    assert (found.first_p50, found.first_p99) == (100.0, 300.0)
    assert (found.gap_p50, found.gap_p99) == (20.0, 30.0)


def test_an_answer_that_failed_counts_as_nothing_else():
    found = figures([Round("server", 1, 2.0, [Answer("cut", 50, 0.1, [0.1]), Answer("cut")])])
    assert (found.answers, found.tokens, found.tokens_per_second) == (0, 0, 0.0)
    assert found.first_p50 is found.first_p99 is found.gap_p50 is found.gap_p99 is None
    assert found.failed == {"cut": 2}


def test_rounds_are_grouped_by_server_and_streams():
    rounds = [Round(name, n, 1.0, []) for n in (1, 4) for name in ("server", "direct") * 2]
    assert [(row.streams, row.server) for row in summed(rounds)] == [
        (1, "server"),
        (1, "direct"),
        (4, "server"),
        (4, "direct"),
    ]
