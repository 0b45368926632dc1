"""Processes of the benchmark: started in a group of their own, measured, and surely ended."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from tests.support.machine import ROOT, clean_environ

PROC = Path("/proc")
_GRACE = 5.0
_STILL, _NEXT_TO_NOTHING = 0.3, 0.05
_LISTENING = "0A"
_MOST_MEMORY = re.compile(r"VmHWM:\s+(\d+) kB")
_FORGET_MOST_MEMORY = "5"


@contextlib.contextmanager
def running(
    command: Sequence[str], log: IO[bytes], cwd: Path = ROOT
) -> Iterator[subprocess.Popen[bytes]]:
    """The process, which is ended with all its children when the block is left.

    It has a session of its own, so that Ctrl-C reaches the runner alone.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=clean_environ(),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # what it has left behind, too
    process.wait()


def tree(root: int) -> list[int]:
    """The process and all its descendants."""
    children: dict[int, list[int]] = {}
    for folder in PROC.iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                # The name before it may hold anything, brackets too.
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(folder.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_seconds(root: int) -> float:
    """CPU time of a process tree, user and system, by the scheduler's nanoseconds."""
    return sum(map(own_cpu_seconds, tree(root)))


def own_cpu_seconds(pid: int) -> float:
    """The same of a process without its children."""
    total = 0
    for task in (PROC / str(pid) / "task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(task.read_text().split()[0])
    return total / 1e9


def most_memory(root: int) -> int:
    """Bytes that a process tree has had in memory at most, since `forget_memory`."""
    total = 0
    for pid in tree(root):
        with contextlib.suppress(OSError):
            if found := _MOST_MEMORY.search((PROC / str(pid) / "status").read_text()):
                total += int(found[1]) * 1024
    return total


def memory(root: int) -> tuple[int, int]:
    """Bytes that a process tree has in memory now: RSS, and PSS, which counts shared pages by the
    share."""
    rss = pss = 0
    for pid in tree(root):
        with contextlib.suppress(OSError):
            for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Rss:"):
                    rss += int(line.split()[1]) * 1024
                elif line.startswith("Pss:"):
                    pss += int(line.split()[1]) * 1024
    return rss, pss


def await_idle(root: int, seconds: float = 20.0) -> None:
    """Returns when it has done next to nothing for a while, or when that takes too long."""
    until = time.monotonic() + seconds
    before = cpu_seconds(root)
    while time.monotonic() < until:
        time.sleep(_STILL)
        now = cpu_seconds(root)
        if now - before < _STILL * _NEXT_TO_NOTHING:
            return
        before = now


def forget_memory(root: int) -> None:
    for pid in tree(root):
        with contextlib.suppress(OSError):
            (PROC / str(pid) / "clear_refs").write_text(_FORGET_MOST_MEMORY)


def machine_seconds() -> float:
    """CPU time that all of this machine's cores have been at work."""
    fields = [int(field) for field in (PROC / "stat").read_text().split("\n")[0].split()[1:]]
    user, nice, system, _, _, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def listens(root: int, port: int) -> bool:
    """Whether it is this process tree that listens on the port: not one that was there before."""
    sockets = set()
    for table in ("net/tcp", "net/tcp6"):
        for line in (PROC / table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    for pid in tree(root):
        with contextlib.suppress(OSError):
            for link in (PROC / str(pid) / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if os.readlink(link) in sockets:
                        return True
    return False


def await_listening(process: subprocess.Popen[bytes], port: int, seconds: float = 30.0) -> None:
    """Returns when it listens.

    Raises:
        RuntimeError: it has ended, or does not listen in time.
    """
    until = time.monotonic() + seconds
    while not listens(process.pid, port):
        if process.poll() is not None:
            raise RuntimeError(f"it ended with status {process.returncode}")
        if time.monotonic() > until:
            raise RuntimeError(f"it did not listen on port {port} in {seconds:.0f} s")
        time.sleep(0.05)
