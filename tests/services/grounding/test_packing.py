from __future__ import annotations

import pytest
from services.grounding.packing import RESERVED, estimated, kept, room


def test_room_is_the_window_less_the_answer():
    assert room(4096, 100) == 3996
    assert room(100_000, None) == 100_000 - RESERVED
    assert room(1000, None) == 750
    assert room(4096, 96, most=1000) == 1000


@pytest.mark.parametrize("wanted", [2048, 4096, 100_000])
def test_an_answer_that_may_have_the_whole_window_leaves_half_of_it(wanted: int):
    assert room(4096, wanted) == 2048


@pytest.mark.parametrize(
    ("sizes", "excess", "places"),
    [
        ([100, 100], 1, [0]),
        ([100, 100], 100, [0]),
        ([100, 100], 101, []),
        ([10], 10, []),
        ([5], 50, []),
        ([100, 100, 100], 120, [0]),
    ],
)
def test_the_worst_are_left_out(sizes: list[int], excess: int, places: list[int]):
    assert kept(sizes, excess) == places


@pytest.mark.parametrize(
    ("sizes", "excess", "places"),
    [
        ([1000, 50, 60], 900, [1, 2]),
        ([1000, 50, 900, 60], 1860, [1, 3]),
        ([50, 1000, 60], 1000, [0, 2]),
        ([50, 1000, 60], 1020, [0]),
    ],
)
def test_what_is_too_long_by_itself_takes_no_other_with_it(
    sizes: list[int], excess: int, places: list[int]
):
    assert kept(sizes, excess) == places


def test_an_estimate_is_never_nothing():
    assert estimated("") == 1
    assert estimated("東京") == 3
