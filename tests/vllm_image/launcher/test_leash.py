"""Real processes, small ones: what a command leaves behind ends with the leash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher import leash

SCRIPT = str(Path(leash.__file__))
# A child in a session of its own that outlives its parent, as vLLM's engine core does.
LEAVES_ONE = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"],
                         start_new_session=True)
print(child.pid, flush=True)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""


class Leash:
    def __init__(self, code: str, grace: float = 5) -> None:
        command = [sys.executable, "-I", "-S", SCRIPT, str(grace), sys.executable, "-c", code]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def ended(self) -> int:
        return self.process.wait(10)


@pytest.fixture
def leashes() -> Iterator[list[Leash]]:
    started: list[Leash] = []
    yield started
    for each in started:
        each.process.kill()
        each.process.wait()
        for pipe in (each.process.stdin, each.process.stdout):
            if pipe:
                pipe.close()


def alive(pid: int) -> bool:
    return pid in leash.parents()


@pytest.mark.parametrize(
    ("code", "expected"),
    [("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 4)", 132), ("", 0)],
)
def test_the_exit_code_is_the_commands(code: str, expected: int, leashes: list[Leash]) -> None:
    leashes.append(Leash(code))
    assert leashes[0].ended() == expected


def test_a_command_that_is_not_there_is_127() -> None:
    command = [sys.executable, "-I", "-S", SCRIPT, "1", "/no/such/command"]
    done = subprocess.run(command, input="", capture_output=True, text=True)
    assert done.returncode == 127
    assert "/no/such/command" in done.stderr


def test_a_command_that_ends_takes_its_leftovers_along(leashes: list[Leash]) -> None:
    leashes.append(Leash(LEAVES_ONE))
    left = int(leashes[0].line())
    assert leashes[0].ended() == 0
    assert not alive(left)


def test_the_launchers_death_ends_all_of_it(leashes: list[Leash]) -> None:
    leashes.append(Leash(LEAVES_ONE + "import time; time.sleep(60)"))
    left = int(leashes[0].line())
    assert alive(left)
    assert leashes[0].process.stdin
    leashes[0].process.stdin.close()  # what the kernel does when the launcher dies
    assert leashes[0].ended() == 128 + signal.SIGTERM
    assert not alive(left)


def test_a_leash_killed_hard_ends_its_command(leashes: list[Leash]) -> None:
    leashes.append(Leash("import os, time; print(os.getpid(), flush=True); time.sleep(60)"))
    command = int(leashes[0].line())
    leashes[0].process.kill()
    leashes[0].ended()
    deadline = time.monotonic() + 5
    while alive(command) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(command)


def test_a_command_that_does_not_listen_is_killed_after_its_grace(leashes: list[Leash]) -> None:
    leashes.append(Leash(STUBBORN, grace=0.3))
    assert leashes[0].line() == "up"
    leashes[0].process.send_signal(signal.SIGTERM)
    assert leashes[0].ended() == 128 + signal.SIGKILL


def test_a_second_signal_does_not_wait(leashes: list[Leash]) -> None:
    leashes.append(Leash(STUBBORN, grace=60))
    assert leashes[0].line() == "up"
    began = time.monotonic()
    leashes[0].process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    leashes[0].process.send_signal(signal.SIGTERM)
    assert leashes[0].ended() == 128 + signal.SIGKILL
    assert time.monotonic() - began < 5


def test_descendants_are_found_however_deep() -> None:
    table = {2: 1, 3: 2, 4: 3, 5: 1, 6: 6}
    assert leash.descendants(2, table) == {3, 4}
    assert leash.descendants(1, table) == {2, 3, 4, 5}


def test_a_process_name_with_brackets_and_blanks_is_read(tmp_path: Path) -> None:
    for pid, stat in {7: "7 (a) b) S 3 7 7", 8: "8 (gone) Z 3 8 8"}.items():
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(stat)
    assert leash.parents(tmp_path) == {7: 3}


def test_this_process_has_a_parent() -> None:
    assert leash.parents()[os.getpid()] == os.getppid()
