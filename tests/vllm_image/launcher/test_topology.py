from __future__ import annotations

from pathlib import Path

import pytest
from launcher import topology

from tests.vllm_image.launcher import trees

GIB = 1 << 30


def test_of_each_core_the_last_thread_is_taken(tmp_path: Path) -> None:
    machine, cpus = trees.read(trees.LAPTOP, tmp_path)
    assert cpus.cores == (6, 7, 8, 9, 10, 11)
    assert (cpus.quota, cpus.own_cpus, len(cpus.nodes)) == (None, False, 1)
    assert machine.memory == 32768000 * 1024


def test_a_version_2_group_limits_time_and_memory(tmp_path: Path) -> None:
    machine, cpus = trees.read(trees.CONTAINER_V2, tmp_path)
    assert (len(cpus.cores), cpus.quota, cpus.own_cpus) == (32, 8, False)
    assert cpus.nodes == (264241152 * 1024,) * 2
    assert machine.memory == 64 * GIB
    assert machine.available == 64 * GIB - 50 * (1 << 20)  # the page cache counts as free


def test_a_version_1_group_limits_time_and_memory(tmp_path: Path) -> None:
    machine, cpus = trees.read(trees.CONTAINER_V1, tmp_path)
    assert cpus.cores == (4, 5, 6, 7)
    assert (cpus.quota, cpus.own_cpus) == (2, True)
    assert machine.memory == 6 * GIB


def test_half_a_core_is_one(tmp_path: Path) -> None:
    tree = {**trees.LAPTOP, "cgroup/user.slice/cpu.max": "50000 100000\n"}
    assert trees.read(tree, tmp_path)[1].quota == 1


def test_without_a_description_each_cpu_is_a_core(tmp_path: Path) -> None:
    assert topology.cores((0, 1, 5), tmp_path) == (0, 1, 5)


@pytest.mark.parametrize(
    ("text", "ids"),
    [("0-2,8", (0, 1, 2, 8)), ("3", (3,)), ("", ()), ("1,0", (0, 1)), ("0-0\n", (0,))],
)
def test_lists_of_cpus(text: str, ids: tuple[int, ...]) -> None:
    assert topology.ids(text) == ids


@pytest.mark.parametrize("text", ["0-2,8", "3", "", "0-1,4-7"])
def test_lists_go_both_ways(text: str) -> None:
    assert topology.listed(topology.ids(text)) == text


def test_this_machine_can_be_read() -> None:
    assert topology.read().cores
