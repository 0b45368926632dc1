"""Folders laid out as the kernel lays out /proc and /sys/fs/cgroup."""

from __future__ import annotations

from pathlib import Path

import pytest
from launcher import hardware
from launcher.hardware import GIB

KIB = 1024


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    folder = tmp_path / "proc"
    write(folder / "meminfo", f"MemTotal: {16 * GIB // KIB} kB\nMemAvailable: {10 * GIB // KIB} kB")
    write(folder / "cpuinfo", "processor\t: 0\nflags\t\t: fpu sse avx2\n\nprocessor : 1\nflags: x")
    return folder


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    return tmp_path / "cgroup"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_flags_are_those_of_the_first_processor(proc: Path) -> None:
    assert hardware.cpu_flags(proc) == {"fpu", "sse", "avx2"}


def test_without_control_groups_memory_is_the_machines(proc: Path, groups: Path) -> None:
    assert hardware.memory(proc, groups) == (16 * GIB, 10 * GIB)


def test_version_2_limits_of_groups_above_count_and_page_cache_does_not(
    proc: Path, groups: Path
) -> None:
    write(proc / "self/cgroup", "0::/user/job\n")
    write(groups / "user/job/memory.max", "max\n")
    write(groups / "user/memory.max", f"{4 * GIB}\n")
    write(groups / "user/memory.current", f"{3 * GIB}\n")
    write(groups / "user/memory.stat", f"anon 1\ninactive_file {2 * GIB}\n")
    assert hardware.memory(proc, groups) == (4 * GIB, 3 * GIB)


def test_version_1_limits_count(proc: Path, groups: Path) -> None:
    write(proc / "self/cgroup", "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n")
    write(groups / "memory/memory.limit_in_bytes", f"{2 * GIB}\n")
    write(groups / "memory/memory.usage_in_bytes", f"{GIB}\n")
    assert hardware.memory(proc, groups) == (2 * GIB, GIB)


def test_a_version_1_group_without_a_limit_changes_nothing(proc: Path, groups: Path) -> None:
    write(proc / "self/cgroup", "5:memory:/\n")
    write(groups / "memory/memory.limit_in_bytes", "9223372036854771712\n")
    assert hardware.memory(proc, groups) == (16 * GIB, 10 * GIB)


@pytest.mark.parametrize(
    ("quota", "cpus"), [("max 100000", 8), ("150000 100000", 1), ("400000 100000", 4), ("5 9", 1)]
)
def test_a_version_2_quota_cuts_the_cpus(proc: Path, groups: Path, quota: str, cpus: int) -> None:
    write(proc / "self/cgroup", "0::/\n")
    write(groups / "cpu.max", quota)
    assert hardware.cpus(8, proc, groups) == cpus


@pytest.mark.parametrize(("quota", "cpus"), [("-1", 8), ("300000", 3)])
def test_a_version_1_quota_cuts_the_cpus(proc: Path, groups: Path, quota: str, cpus: int) -> None:
    write(proc / "self/cgroup", "4:cpu,cpuacct:/a\n")
    write(groups / "cpu,cpuacct/a/cpu.cfs_quota_us", quota)
    write(groups / "cpu,cpuacct/a/cpu.cfs_period_us", "100000")
    assert hardware.cpus(8, proc, groups) == cpus


def test_free_disk_is_told_for_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert hardware.free_disk(tmp_path / "a" / "b") > 0
    assert hardware.device(tmp_path / "a" / "b") == tmp_path.stat().st_dev


def test_this_machine_can_be_read() -> None:
    machine = hardware.read()
    assert machine.cpus >= 1
    assert 0 < machine.available <= machine.memory


def test_a_library_is_there_or_not() -> None:
    assert hardware.has_library("libc.so.6")
    assert not hardware.has_library("libnothing.so.9")
