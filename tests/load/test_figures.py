from __future__ import annotations

from dataclasses import replace

import pytest

from tests.load.figures import Measurement, Start, added, ratio, summary, unhindered_rate

RUN = Measurement(
    target="adapter",
    phase="lock32",
    answers=10,
    tokens=2000,
    seconds=2.0,
    cpu=0.02,
    others=0.1,
    first_token_p50=1.0,
    first_token_p99=2.0,
    memory_before=1000,
    memory_most=4200,
)


def test_the_medians_of_three_runs():
    found = summary([RUN, replace(RUN, cpu=0.04), replace(RUN, cpu=0.03)], clients=32)
    assert found.cpu_per_token == pytest.approx(15.0)
    assert found.cpu_per_answer == pytest.approx(3000.0)
    assert found.spread == pytest.approx(2 / 3)
    assert found.tokens_per_second == 1000
    assert found.busy == pytest.approx(0.015)
    assert found.memory_per_client == 100
    assert (found.runs, found.answers) == (3, 30)


def test_a_run_without_answers_is_counted_but_makes_no_figure():
    failed = replace(RUN, answers=0, tokens=0, first_token_p50=None, failed={"cut": 2})
    found = summary([failed], clients=1)
    assert found.cpu_per_token is found.cpu_per_answer is found.spread is None
    assert found.first_token_p50 is None
    assert found.failed == {"cut": 2}


def test_memory_that_shrank_is_none():
    assert summary([replace(RUN, memory_most=0)], clients=1).memory_per_client == 0


def test_ratios_and_differences_of_what_is_not_known():
    assert (ratio(3.0, 2.0), ratio(None, 2.0), ratio(3.0, None), ratio(3.0, 0.0)) == (
        1.5,
        None,
        None,
        None,
    )
    assert (added(3.0, 2.0), added(None, 2.0), added(3.0, None)) == (1.0, None, None)


def test_answers_by_the_share_of_the_cores_that_was_left():
    assert unhindered_rate(replace(RUN, free=1.6)) == 5.0
    assert unhindered_rate(replace(RUN, free=1.6, workers=2)) == pytest.approx(5.0 / 0.8)
    assert unhindered_rate(replace(RUN, free=0.0)) is None


def test_the_median_of_starts():
    starts = [Start(up, up, 1.0, 1.0, 1.0) for up in (0.3, 0.9, 0.4)]
    found = summary([replace(RUN, start=start) for start in starts], 1)
    assert found.start == Start(0.4, 0.4, 1.0, 1.0, 1.0)
