from __future__ import annotations

import math

import pytest

from tests.services.eval.measures import interval, ndcg, recall


def test_recall_is_the_share_that_was_found():
    assert recall(["a", "x", "b"], {"a", "b", "c", "d"}) == 0.5
    assert recall(["x"] * 10 + ["a"], {"a"}) == 0, "the eleventh is too late"
    assert recall([], {"a"}) == 0


def test_ndcg_is_less_the_later_it_is_found():
    assert ndcg(["a", "b"], {"a", "b"}) == 1
    assert ndcg(["x", "a"], {"a"}) == pytest.approx(1 / math.log2(3))
    assert ndcg(["x"] * 10 + ["a"], {"a"}) == 0


def test_a_section_with_two_passages_counts_once():
    assert ndcg(["a", "a", "b"], {"a", "b"}) == pytest.approx(
        (1 + 1 / math.log2(4)) / (1 + 1 / math.log2(3))
    )


def test_more_than_the_list_can_hold_is_not_expected():
    relevant = {str(n) for n in range(30)}
    assert ndcg([str(n) for n in range(10)], relevant) == 1


def test_an_interval_holds_the_mean_and_is_always_the_same():
    values = [0.0, 1.0] * 40
    found = interval(values)
    assert found.low < found.mean == 0.5 < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.5 / math.sqrt(80), abs=0.02)
    assert interval(values) == found
    assert str(interval([1.0, 1.0])) == "1.000 (1.000 to 1.000)"
