"""The processes that the launcher owns, and the signals that end them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO

from launcher import leash
from launcher.errors import Interrupted

LEASH = Path(leash.__file__)
GRACE = 6.0
"""Seconds between SIGTERM and SIGKILL; with the leash's own patience it stays under ten."""
EVERY = 0.2
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Process:
    """A command on a leash; see leash.py."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], output: IO[bytes]) -> None:
        self.leash = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LEASH), str(GRACE), *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            start_new_session=True,
        )

    def poll(self) -> int | None:
        return self.leash.poll()

    def ask_to_end(self) -> None:
        if self.poll() is None:
            self.leash.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        code = self.leash.wait()
        if self.leash.stdin:
            self.leash.stdin.close()
        return code


class Processes:
    """All of them. Leaving the `with` block ends every one, however it is left."""

    def __init__(self, *, end_with_parent: bool = False) -> None:
        self._ends_with_parent = end_with_parent
        self._running: list[Process] = []
        self._signal: int | None = None

    def __enter__(self) -> Processes:
        for number in ENDING:
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup: meant to outlive its terminal
            signal.signal(number, self._hear)
        if self._ends_with_parent:
            leash.end_with_parent()
        leash.become_subreaper()  # should a leash itself be killed, its command comes to us
        return self

    def __exit__(self, *_: object) -> None:
        self._signal = self._signal or 0  # from here on a signal hurries, and raises nothing
        for process in self._running:
            process.ask_to_end()
        for process in self._running:
            process.wait()
        leash.end_descendants(0)

    def start(self, command: Sequence[str], env: Mapping[str, str], log: Path) -> Process:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            process = Process(command, env, output)
        self._running.append(process)
        return process

    def run(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        log: Path,
        tick: Callable[[], None],
    ) -> int:
        """Waits for a command, calling `tick` meanwhile; returns its exit code."""
        process = self.start(command, env, log)
        while (code := process.poll()) is None:
            tick()
            time.sleep(EVERY)
        process.wait()
        self._running.remove(process)
        return code

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if self._signal is None:
            self._signal = number
            raise Interrupted(number)
        for process in self._running:
            process.ask_to_end()  # the second time: at once


def environment(base: Mapping[str, str], own: Path, **more: str) -> dict[str, str]:
    """The user's environment without the launcher's own folder on PYTHONPATH."""
    env = {**base, **more}
    folders = [
        folder
        for folder in env.pop("PYTHONPATH", "").split(os.pathsep)
        if folder and Path(folder).resolve() != own
    ]
    if folders:
        env["PYTHONPATH"] = os.pathsep.join(folders)
    return env
