from __future__ import annotations

import pytest
from launcher import room
from launcher.errors import CannotRun


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", None),
        ("1024", 1024),
        ("50Gi", 50 << 30),
        ("100G", 100 * 10**9),
        ("1.5Ti", 3 << 39),
        ("512Mi", 512 << 20),
        ("5k", 5000),
    ],
)
def test_limits_as_kubernetes_writes_them(text: str, size: int | None) -> None:
    assert room.limit({"EPHEMERAL_LIMIT": text}) == size


@pytest.mark.parametrize("text", ["x", "-1", "5 gibi", "1e3Gi"])
def test_what_is_no_limit(text: str) -> None:
    with pytest.raises(CannotRun, match="EPHEMERAL_LIMIT is no size"):
        room.limit({"EPHEMERAL_LIMIT": text})


def test_connections_at_the_same_time() -> None:
    assert room.threads({}) == 4
    assert room.threads({"FETCH_PARALLEL": "8"}) == 8
    for text in ("0", "33", "four"):
        with pytest.raises(CannotRun, match="FETCH_PARALLEL is no number from 1 to 32"):
            room.threads({"FETCH_PARALLEL": text})


@pytest.mark.parametrize(("size", "shown"), [(15_200_000_000, "15.2 GB"), (3_000_000, "3.0 MB")])
def test_amounts(size: int, shown: str) -> None:
    assert room.amount(size) == shown
