from __future__ import annotations

from dataclasses import replace

import pytest

from tests.load.figures import Measurement, Start, summary
from tests.load.goals import GOALS, WATCHED, Goal, Results
from tests.load.targets import ADAPTER, DIRECT, TWO_WORKERS

RUN = Measurement("", "", 100, 1000, 2.0, 0.02, 0.0, 1.0, 2.0, 0, 0)


def results(*runs: tuple[str, str, dict[str, object]]) -> Results:
    return {
        (phase, target): summary([replace(RUN, phase=phase, target=target, **more)], 1)
        for phase, target, more in runs
    }


def value(about: str, found: Results) -> float | None:
    [goal] = [goal for goal in GOALS if goal.about.startswith(about)]
    return goal.measured(found)


def test_marks():
    goal = Goal("", 2.0, 1.0, lambda _: None)
    assert [goal.mark(value) for value in (None, 3.0, 2.0, 1.0)] == ["", "NO", "yes", "aim"]
    rate = replace(goal, must=1.0, aim=2.0, most=False)
    assert [rate.mark(value) for value in (0.5, 1.0, 2.0)] == ["NO", "yes", "aim"]
    assert replace(goal, aim=None).mark(0.0) == "yes"


def test_nothing_measured_is_nothing_told():
    assert all(goal.measured({}) is None for goal in (*GOALS, *WATCHED))


def test_two_workers_are_compared_by_their_share_of_the_cores():
    found = results(
        ("workers", ADAPTER, {"free": 1.5}),
        ("workers", TWO_WORKERS, {"answers": 150, "free": 1.6, "workers": 2}),
    )
    assert value("short requests/s, 2 workers", found) == pytest.approx(1.5 / 0.8)


def test_a_stall_is_what_is_longer_than_without_a_server():
    quiet = {"delays": (0.1, 0.2, 1.0)}
    ours = ("besideslow", ADAPTER, {"delays": (0.2, 0.9, 7.5)})
    name = "stall of others beside slow readers"
    assert value(name, results(ours, ("besideslow", DIRECT, quiet))) == 6.5
    assert value(name, results(ours, ("besideslow", DIRECT, quiet | {"others": 0.9}))) is None
    assert value(name, results(ours)) is None


def test_a_start():
    start = Start(0.3, 0.4, 40e6, 50e6, 30e6)
    found = results(("start", ADAPTER, {"start": start}))
    assert value("start to first answer", found) == 0.3
    assert value("start to first chat", found) == 0.4
    assert value("idle memory", found) == 50.0


def test_the_engine_alone():
    found = results(("engine16", ADAPTER, {"tokens": 950}), ("engine16", DIRECT, {}))
    assert value("tokens/s ÷ vLLM alone", found) == pytest.approx(0.95)
