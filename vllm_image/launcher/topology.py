"""Which CPUs and memory nodes this process may use. All paths can be injected."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from launcher import hardware

SYSTEM = Path("/sys/devices/system")


@dataclass(frozen=True)
class Topology:
    cores: tuple[int, ...]
    """One CPU of each physical core this process may run on: the last one, as vLLM takes it."""
    quota: int | None
    """Whole CPUs' worth of time a control group allows; None without a limit."""
    own_cpus: bool
    """Whether it may run on some of the machine's CPUs only, which then are its own."""
    nodes: tuple[int, ...] = ()
    """Bytes of memory on each node it may use."""


def read(
    proc: Path = hardware.PROC,
    cgroups: Path = hardware.CGROUPS,
    system: Path = SYSTEM,
) -> Topology:
    status = _status(proc)
    allowed = ids(status.get("Cpus_allowed_list", "")) or tuple(sorted(os.sched_getaffinity(0)))
    online = ids(_text(system / "cpu" / "online")) or allowed
    limit = hardware.cpus(1 << 20, proc, cgroups)
    nodes = ids(status.get("Mems_allowed_list", ""))
    return Topology(
        cores=cores(allowed, system),
        quota=limit if limit < 1 << 20 else None,
        own_cpus=len(allowed) < len(online),
        nodes=tuple(size for node in nodes if (size := _node_memory(system, node))),
    )


def cores(allowed: tuple[int, ...], system: Path = SYSTEM) -> tuple[int, ...]:
    """The last allowed CPU of each core; without a description each CPU is a core."""
    last: dict[int, int] = {}
    for cpu in allowed:
        file = system / "cpu" / f"cpu{cpu}" / "topology" / "thread_siblings_list"
        last[min(ids(_text(file)) or (cpu,))] = cpu
    return tuple(sorted(last.values()))


def ids(text: str) -> tuple[int, ...]:
    """`0-2,8` -> (0, 1, 2, 8)."""
    found: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first.strip().isdecimal():
            found.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))


def listed(cpus: tuple[int, ...]) -> str:
    """(0, 1, 2, 8) -> `0-2,8`."""
    runs: list[list[int]] = []
    for cpu in cpus:
        if runs and runs[-1][1] == cpu - 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def _node_memory(system: Path, node: int) -> int:
    for line in _text(system / "node" / f"node{node}" / "meminfo").splitlines():
        if "MemTotal:" in line:
            return int(line.split()[-2]) * 1024
    return 0


def _status(proc: Path) -> dict[str, str]:
    rows = (line.partition(":") for line in _text(proc / "self" / "status").splitlines())
    return {name: value.strip() for name, _, value in rows}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
