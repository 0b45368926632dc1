from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.translate.timestamps import rfc3339, stamp

NINETY_CENTURIES = 253_402_300_799 * 10**9  # to the end of the year 9999


@pytest.mark.parametrize(
    ("wall_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (1_795_227_526_123_456_789, "2026-11-21T02:18:46.123456789Z"),
        (1_709_208_000_000_000_000, "2024-02-29T12:00:00.000000000Z"),
        (NINETY_CENTURIES, "9999-12-31T23:59:59.000000000Z"),
    ],
)
def test_as_go_prints_it(wall_ns: int, text: str):
    assert rfc3339(wall_ns) == text


@given(st.lists(st.integers(0, NINETY_CENTURIES), max_size=6))
def test_many_instants_one_after_another(instants: list[int]):
    for instant in [*instants, *instants[::-1]]:
        text = stamp(instant).decode()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", text)
        whole = datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
        assert int(whole.timestamp()) * 10**9 + int(text[20:29]) == instant
