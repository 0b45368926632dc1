"""What would only fail later is said now. Pure: facts in, an error or nothing out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from launcher import plan
from launcher.errors import CannotRun, LauncherError, TryAgain
from launcher.hardware import GIB, Machine

ENGINE_DISK = 3_600_000_000
"""Peak of an engine installation: 2.5 GB unpacked, the rest is pip at work."""
SERVICES_DISK = 400_000_000


@dataclass(frozen=True)
class Need:
    """Bytes to be written at a place, and what for."""

    what: str
    place: Path
    size: int


def cpu(machine: Machine) -> None:
    if machine.architecture not in ("x86_64", "AMD64"):
        raise CannotRun(
            f"the CPU engine is built for x86-64, this machine is {machine.architecture}; "
            "start vLLM yourself and say where: VLLM_URL=http://host:8000 make serve"
        )
    if "avx2" not in machine.flags:
        raise CannotRun(
            "this CPU lacks AVX2, which vLLM needs; "
            "use an engine on another machine: VLLM_URL=http://host:8000 make serve"
        )
    if not machine.numa:
        raise CannotRun("the CPU engine needs libnuma: apt install libnuma1, or numactl-libs")


def memory(model: plan.Model, machine: Machine) -> None:
    need = plan.memory_needed(model, machine)
    if machine.available >= need:
        return
    what = f"vLLM with {model.name} needs {_gib(need)} GiB of memory"
    kind: type[LauncherError] = TryAgain
    if machine.memory < need:
        kind = CannotRun
        text = f"{what}, this machine may use {_gib(machine.memory)} GiB; take a smaller MODEL="
    else:
        text = (
            f"{what}, {_gib(machine.available)} of {_gib(machine.memory)} GiB are free; "
            "end other programs or take a smaller MODEL="
        )
    raise kind(text)


def disk(needs: list[Need], free: dict[Path, int], devices: dict[Path, int]) -> None:
    """Needs on the same device add up. `free` and `devices` hold a value for each place."""
    for device in dict.fromkeys(devices.values()):
        here = [need for need in needs if need.size and devices[need.place] == device]
        total = sum(need.size for need in here)
        if here and total > free[here[0].place]:
            parts = " and ".join(f"{need.what} ({_gb(need.size)} GB)" for need in here)
            raise CannotRun(
                f"too little disk space for {parts}: {_gb(total)} GB needed, "
                f"{_gb(free[here[0].place])} GB free at {here[0].place}"
            )


def _gib(size: int) -> str:
    return f"{size / GIB:.1f}"


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f}"
