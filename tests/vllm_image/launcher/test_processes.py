from __future__ import annotations

import os
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from launcher import leash
from launcher.processes import environment

BOTH_AND_THEIR_LEASHES = 4
IMAGES = Path(leash.__file__).parent.parent
# A launcher of its own: signal handlers and the subreaper's duty stay out of pytest's process.
LAUNCHER = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from launcher.errors import Interrupted
    from launcher.processes import Processes

    log = Path(sys.argv[1])
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    try:
        with Processes() as processes:
            processes.start(sleep, {}, log / "a.log")
            print("up", flush=True)
            processes.run(sleep, {}, log / "b.log", lambda: None)
    except Interrupted as interrupted:
        sys.exit(interrupted.code)
    """
)


@pytest.fixture(autouse=True)
def _hangups_are_heard() -> Iterator[None]:
    """Children inherit what is ignored, and these tests may themselves run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_every_process_and_gives_the_shells_code(
    number: int, code: int, tmp_path: Path
) -> None:
    with started(tmp_path) as launcher:
        launcher.send_signal(number)
        assert launcher.wait(10) == code
        assert running_in(tmp_path) == set()


def test_a_hangup_that_nohup_ignores_stays_ignored(tmp_path: Path) -> None:
    with started(tmp_path, "nohup") as launcher:
        launcher.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert launcher.poll() is None
        launcher.terminate()
        assert launcher.wait(10) == 143


def test_a_launcher_killed_hard_leaves_nothing_for_long(tmp_path: Path) -> None:
    with started(tmp_path) as launcher:
        assert soon(lambda: len(family_of(launcher)) == BOTH_AND_THEIR_LEASHES)
        family = family_of(launcher)
        launcher.kill()
        launcher.wait()
        assert soon(lambda: not family & set(leash.parents()))


def test_our_own_folder_is_not_handed_down_on_pythonpath(tmp_path: Path) -> None:
    base = {"PYTHONPATH": os.pathsep.join([str(tmp_path), "/elsewhere"]), "A": "1"}
    env = environment(base, tmp_path, B="2")
    assert env == {"A": "1", "B": "2", "PYTHONPATH": "/elsewhere"}
    assert environment({"PYTHONPATH": str(tmp_path)}, tmp_path) == {}


def family_of(launcher: Popen[str]) -> set[int]:
    return leash.descendants(launcher.pid, leash.parents())


def soon(true: Callable[[], bool], within: float = 10) -> bool:
    deadline = time.monotonic() + within
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def started(folder: Path, *before: str) -> Popen[str]:
    env = {"PYTHONPATH": str(IMAGES), "MARK": str(folder)}
    launcher = Popen(
        [*before, sys.executable, "-c", LAUNCHER, str(folder)], env=env, stdout=PIPE, text=True
    )
    assert launcher.stdout
    assert launcher.stdout.readline() == "up\n"
    return launcher


def running_in(folder: Path) -> set[int]:
    """Processes with the launcher's log folder among their arguments or open files."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            outputs = {str(link.readlink()) for link in (process / "fd").iterdir()}
        except OSError:
            continue
        if any(output.startswith(str(folder)) for output in outputs):
            found.add(int(process.name))
    return found
