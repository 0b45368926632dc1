from __future__ import annotations

import pytest
from services.grounding.packing import RESERVED, dropped, estimated, room


def test_room_is_the_window_less_the_answer():
    assert room(4096, 100) == 3996
    assert room(100_000, None) == 100_000 - RESERVED
    assert room(1000, None) == 750
    assert room(100, 500) == 0
    assert room(4096, 96, most=1000) == 1000


@pytest.mark.parametrize(
    ("sizes", "excess", "count"),
    [([100, 100], 1, 1), ([100, 100], 84, 1), ([100, 100], 85, 2), ([10], 10, 1), ([5], 50, 1)],
)
def test_the_worst_are_left_out(sizes: list[int], excess: int, count: int):
    assert dropped(sizes, excess) == count


def test_an_estimate_is_never_nothing():
    assert estimated("") == 1
    assert estimated("東京") == 3
