from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.translate.events import EngineTimes, Usage
from adapter.translate.timings import Marks, Timings, metrics_fields, timings

MS = 1_000_000


@pytest.mark.parametrize(
    ("marks", "engine", "now", "spent"),
    [
        pytest.param(
            Marks(100, opened=130, first_token=200, last_token=700),
            None,
            900,
            Timings(total=800, load=30, prompt_eval=70, evaluation=500),
            id="by our clock",
        ),
        pytest.param(
            Marks(100, opened=130, first_token=200, last_token=200),
            None,
            900,
            Timings(total=800, load=30, prompt_eval=70, evaluation=700),
            id="one token",
        ),
        pytest.param(
            Marks(100, opened=130),
            None,
            900,
            Timings(total=800, load=30, prompt_eval=770, evaluation=770),
            id="no token",
        ),
        pytest.param(Marks(100), None, 900, Timings(800, 800, 1, 1), id="never opened"),
        pytest.param(
            Marks(0, opened=1, first_token=2, last_token=3),
            EngineTimes(queue=1.5, first_token=4.0, generation=20.25),
            50 * MS,
            Timings(50 * MS, 1_500_000, 2_500_000, 20_250_000),
            id="by the engine's clock",
        ),
        pytest.param(
            Marks(0, opened=1, first_token=2, last_token=3),
            EngineTimes(queue=1.0, first_token=4.0, generation=0.0),
            50 * MS,
            Timings(50 * MS, 1 * MS, 3 * MS, 46 * MS),
            id="the engine gives none for one token",
        ),
        pytest.param(Marks(5), None, 5, Timings(1, 1, 1, 1), id="no time at all"),
    ],
)
def test_what_is_told(marks, engine, now, spent):
    assert timings(marks, engine, now) == spent


TIMES = st.floats(0, 1e7) | st.just(0.0)


@given(
    st.lists(st.integers(0, 10**12), min_size=5, max_size=5),
    st.none() | st.builds(EngineTimes, TIMES, TIMES, TIMES),
)
def test_every_duration_is_an_integer_above_zero(instants: list[int], engine: EngineTimes | None):
    started, opened, first, last, now = sorted(instants)
    spent = timings(Marks(started, opened, first, last), engine, now)
    for value in (spent.total, spent.load, spent.prompt_eval, spent.evaluation):
        assert type(value) is int
        assert value >= 1


SPENT = Timings(total=4, load=1, prompt_eval=2, evaluation=3)


@pytest.mark.parametrize(
    ("usage", "fields"),
    [
        (None, [("prompt_eval_count", 0), ("eval_count", 0)]),
        (Usage(7, 3), [("prompt_eval_count", 7), ("eval_count", 3)]),
        (
            Usage(7, 3, 0),
            [("prompt_eval_count", 7), ("prompt_eval_cached_count", 0), ("eval_count", 3)],
        ),
    ],
)
def test_counts_stand_in_ollamas_order_and_are_never_left_out(usage, fields):
    written = list(metrics_fields(usage, SPENT).items())
    assert written[:2] == [("total_duration", 4), ("load_duration", 1)]
    assert written[-1] == ("eval_duration", 3)
    assert ("prompt_eval_duration", 2) in written
    assert [pair for pair in written if pair[0].endswith("_count")] == fields
    names = [name for name, _ in written]
    assert names.index("prompt_eval_duration") == names.index("eval_count") - 1
