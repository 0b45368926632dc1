"""What the machine has, and how much of it this process may use. All paths can be injected."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

GIB = 1 << 30
PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Machine:
    architecture: str
    flags: frozenset[str]
    cpus: int
    memory: int
    """Bytes this process may use at all."""
    available: int
    """Bytes of them that are free now."""
    numa: bool = True
    """Whether libnuma is installed, without which the CPU engine can't be loaded."""


def read(proc: Path = PROC, cgroups: Path = CGROUPS) -> Machine:
    total, available = memory(proc, cgroups)
    return Machine(
        architecture=platform.machine(),
        flags=cpu_flags(proc),
        cpus=cpus(len(os.sched_getaffinity(0)), proc, cgroups),
        memory=total,
        available=available,
        numa=has_library("libnuma.so.1"),
    )


def has_library(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def cpu_flags(proc: Path = PROC) -> frozenset[str]:
    for line in (proc / "cpuinfo").read_text(encoding="ascii", errors="ignore").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            return frozenset(value.split())
    return frozenset()


def memory(proc: Path = PROC, cgroups: Path = CGROUPS) -> tuple[int, int]:
    """Total and available bytes: the machine's, or what the tightest control group leaves."""
    kilobytes = {}
    for line in (proc / "meminfo").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        kilobytes[name] = int(value.split()[0])
    total = kilobytes["MemTotal"] * 1024
    available = kilobytes.get("MemAvailable", kilobytes["MemTotal"]) * 1024
    for limit, used in _memory_limits(proc, cgroups):
        total = min(total, limit)
        available = min(available, max(limit - used, 0))
    return total, available


def cpus(allowed: int, proc: Path = PROC, cgroups: Path = CGROUPS) -> int:
    """CPUs this process may run on, cut to a control group's quota."""
    for quota, period in _cpu_quotas(proc, cgroups):
        if quota > 0 and period > 0:
            allowed = min(allowed, max(quota // period, 1))
    return allowed


def free_disk(path: Path) -> int:
    """Bytes free where `path` is or would be made."""
    return shutil.disk_usage(_existing(path)).free


def device(path: Path) -> int:
    """Number of the file system that `path` is or would be on."""
    return _existing(path).stat().st_dev


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _memory_limits(proc: Path, cgroups: Path) -> Iterator[tuple[int, int]]:
    """(limit, used) of each group above us that has a limit, version 2 then version 1."""
    for folder in _folders(proc, cgroups, ""):
        limit = _number(folder / "memory.max")
        if limit is not None:
            yield limit, _in_use(folder, "memory.current", "inactive_file")
    for folder in _folders(proc, cgroups, "memory"):
        limit = _number(folder / "memory.limit_in_bytes")
        if limit is not None:
            yield limit, _in_use(folder, "memory.usage_in_bytes", "total_inactive_file")


def _in_use(folder: Path, usage: str, cache: str) -> int:
    """Bytes in use that can't be given back: the page cache doesn't count."""
    given_back = 0
    try:
        for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{cache} "):
                given_back = int(line.split()[1])
    except OSError:
        pass
    return max((_number(folder / usage) or 0) - given_back, 0)


def _cpu_quotas(proc: Path, cgroups: Path) -> Iterator[tuple[int, int]]:
    for folder in _folders(proc, cgroups, ""):
        try:
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        except (OSError, ValueError):
            continue
        if quota != "max":
            yield int(quota), int(period)
    for folder in _folders(proc, cgroups, "cpu"):
        quota_us = _number(folder / "cpu.cfs_quota_us")
        period_us = _number(folder / "cpu.cfs_period_us")
        if quota_us is not None and period_us is not None:
            yield quota_us, period_us


def _folders(proc: Path, cgroups: Path, controller: str) -> Iterator[Path]:
    """Our group's folder and those above it; "" is version 2, a name a version 1 controller."""
    try:
        lines = (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, names, group = line.split(":", 2)
        if controller not in names.split(","):
            continue
        bases = [cgroups / controller, cgroups / names] if controller else [cgroups]
        inside = PurePosixPath(group.lstrip("/"))
        for base in dict.fromkeys(bases):
            for part in (inside, *inside.parents):
                yield base / part


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # ValueError: "max"
        return None
