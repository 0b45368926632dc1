from __future__ import annotations

from pathlib import Path

import pytest
from launcher import devices
from launcher.errors import CannotRun


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ((), set()),
        (("null", "nvidiactl", "accel/accel0"), set()),
        (("nvidia0", "nvidiactl"), {"gpu"}),
        (("dxg",), {"gpu"}),
        (("accel/accel0", "accel/accel_controlD0"), {"hpu"}),
        (("hl0",), {"hpu"}),
    ],
)
def test_device_files_tell(files: tuple[str, ...], found: set[str], tmp_path: Path) -> None:
    (tmp_path / "accel").mkdir()
    for name in files:
        (tmp_path / name).touch()
    assert devices.there(tmp_path) == found


@pytest.mark.parametrize(
    ("asked", "found", "chosen"),
    [("", set(), "cpu"), ("", {"gpu"}, "gpu"), ("", {"hpu"}, "hpu"), ("cpu", {"gpu"}, "cpu")],
)
def test_what_is_asked_for_or_the_best(asked: str, found: set[str], chosen: str) -> None:
    assert devices.choose(asked, found) == chosen


@pytest.mark.parametrize(("asked", "word"), [("gpu", "--gpus all"), ("hpu", "--runtime=habana")])
def test_a_device_that_is_not_there_is_refused(asked: str, word: str) -> None:
    with pytest.raises(CannotRun, match=word):
        devices.choose(asked, set())


def test_shared_memory() -> None:
    assert devices.shared_memory() > 0
    assert devices.shared_memory(Path("/nowhere")) == 0
