from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from launcher import checks
from launcher.checks import Need
from launcher.errors import CannotRun, TryAgain
from launcher.hardware import GIB, Machine
from launcher.plan import Model

MACHINE = Machine("x86_64", frozenset({"avx2", "avx512f"}), 2, 16 * GIB, 12 * GIB)
DEMO = Model("", "demo:latest", 0)
HERE, THERE = Path("/here"), Path("/there")


@pytest.mark.parametrize(
    ("machine", "word"),
    [
        (replace(MACHINE, flags=frozenset({"sse4_2"})), "AVX2"),
        (replace(MACHINE, architecture="aarch64"), "aarch64"),
        (replace(MACHINE, numa=False), "apt install libnuma1"),
    ],
)
def test_a_cpu_that_cannot_run_the_engine_is_refused(machine: Machine, word: str) -> None:
    with pytest.raises(CannotRun, match=word):
        checks.cpu(machine)


def test_a_cpu_with_avx2_alone_will_do() -> None:
    checks.cpu(replace(MACHINE, flags=frozenset({"avx2"})))


def test_enough_memory_is_enough() -> None:
    checks.memory(DEMO, replace(MACHINE, available=4 * GIB))


def test_a_small_machine_is_told_both_numbers() -> None:
    with pytest.raises(CannotRun, match=r"needs 3\.2 GiB of memory, this machine may use 2\.0"):
        checks.memory(DEMO, replace(MACHINE, memory=2 * GIB, available=2 * GIB))


def test_memory_in_use_may_come_free_again() -> None:
    with pytest.raises(TryAgain, match=r"1\.0 of 16\.0 GiB are free"):
        checks.memory(DEMO, replace(MACHINE, available=GIB))


def test_needs_on_one_disk_add_up() -> None:
    needs = [Need("the engine", HERE, 3_600_000_000), Need("the model", THERE, 1_000_000_000)]
    free = {HERE: 4_000_000_000, THERE: 4_000_000_000}
    checks.disk(needs, free, {HERE: 1, THERE: 2})
    with pytest.raises(CannotRun, match=r"4\.6 GB needed, 4\.0 GB free at /here"):
        checks.disk(needs, free, {HERE: 1, THERE: 1})


def test_nothing_to_write_needs_no_room() -> None:
    checks.disk([Need("the engine", HERE, 0)], {HERE: 0}, {HERE: 1})
