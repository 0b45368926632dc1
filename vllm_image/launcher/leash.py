"""Runs one command and sees to it that nothing of it outlives the launcher.

    python leash.py SECONDS COMMAND [ARGUMENT ...]        standard input: a pipe the launcher holds

The command is told to end (SIGTERM to its group) when this process gets SIGTERM, or when the pipe
closes, which it does however the launcher dies. After SECONDS, or at a second SIGTERM, it is
killed. Processes that the command leaves behind (vLLM's engine core and workers, when its API
server is killed) are handed to this process by the kernel, found as its descendants, and killed.
The exit code is the command's, 128 + number for a signal; once this process has ended, nothing of
the command is left.

Run by its path, with no other module of the launcher at hand.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
EVERY = 0.1
LEFTOVERS_MAY_TAKE = 1.0


def become_subreaper() -> None:
    """From now on orphans among our descendants become our children, not init's."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent() -> None:
    """From now on the death of our parent is a SIGTERM to us."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it was faster
        os.kill(os.getpid(), signal.SIGTERM)


def tied_to(parent: int) -> Callable[[], None]:
    """For a child before its exec: the death of `parent`, however sudden, is a SIGTERM to it."""
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it was faster
            os._exit(128 + signal.SIGTERM)

    return tie


def parents(proc: Path = Path("/proc")) -> dict[int, int]:
    """Parent of every process that is not a zombie."""
    found = {}
    for folder in proc.glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_bytes()
        except OSError:
            continue
        state, parent = stat.rpartition(b")")[2].split()[:2]  # the name before may hold anything
        if state != b"Z":
            found[int(folder.name)] = int(parent)
    return found


def descendants(ancestor: int, table: dict[int, int]) -> set[int]:
    found: set[int] = set()
    fresh = {ancestor}
    while fresh:
        fresh = {pid for pid, parent in table.items() if parent in fresh} - found
        found |= fresh
    return found


def end_descendants(patience: float) -> None:
    """Waits until no descendant of this process is left; kills what is after `patience`."""
    deadline = time.monotonic() + patience
    while left := descendants(os.getpid(), parents()):
        if time.monotonic() >= deadline:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(EVERY / 2)
        reap()


def reap() -> dict[int, int]:
    """Exit codes of the children that have ended since the last call."""
    codes: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return codes
        if pid == 0:
            return codes
        code = os.waitstatus_to_exitcode(status)
        codes[pid] = 128 - code if code < 0 else code


class Owner:
    """The launcher, seen from here: alive while its pipe is open, heard through SIGTERM."""

    def __init__(self) -> None:
        self.asked = 0
        self._pipe: list[int] = [0]
        signal.signal(signal.SIGTERM, self._hear)
        for number in (
            signal.SIGINT,
            signal.SIGHUP,
        ):  # not SIG_IGN, which the command would inherit
            signal.signal(number, lambda *_: None)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self.asked += 1

    def listen(self, seconds: float) -> None:
        readable, _, _ = select.select(self._pipe, [], [], seconds)
        if readable and not os.read(0, 1):
            self._pipe = []
            self.asked += 1


def main(arguments: list[str]) -> int:
    grace, command = float(arguments[0]), arguments[1:]
    become_subreaper()
    owner = Owner()
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=tied_to(os.getpid()),
        )
    except OSError as error:
        print(f"error: {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    deadline: float | None = None
    while (code := reap().get(child.pid)) is None:
        owner.listen(EVERY)
        if owner.asked and deadline is None:
            deadline = time.monotonic() + grace
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
        if deadline is not None and (owner.asked > 1 or time.monotonic() > deadline):
            code = 128 + signal.SIGKILL
            break
    child.returncode = code  # reaped above; Popen must not wait for it again
    end_descendants(0 if code == 128 + signal.SIGKILL and owner.asked else LEFTOVERS_MAY_TAKE)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
