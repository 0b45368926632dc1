from __future__ import annotations

from services.kit.statistics import REMEMBERED, Statistics, at


def test_latencies():
    statistics = Statistics()
    for second in range(1, 101):
        statistics.add("x", float(second), 0.5 if second == 1 else None)
    told = statistics.told()["x"]
    assert (told["p50_latency"], told["p99_latency"]) == (50, 99)
    assert told["average_latency"] == 50.5
    assert told["p99_latency_first_token"] == 0.5


def test_nothing_measured():
    statistics = Statistics()
    assert statistics.told() == {}
    statistics.add("x", 1.0)
    assert statistics.told()["x"]["p50_latency_first_token"] is None
    assert at([], 0.5) is None


def test_only_the_last():
    statistics = Statistics()
    for number in range(2 * REMEMBERED):
        statistics.add("x", float(number >= REMEMBERED))
    assert statistics.told()["x"]["average_latency"] == 1
