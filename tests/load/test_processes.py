from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.load import processes

WITH_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
sum(range(3_000_000))
child.wait()
"""


def lines(path: Path) -> list[str]:
    until = time.monotonic() + 20
    while not (text := path.read_text()).endswith("\n"):
        assert time.monotonic() < until
        time.sleep(0.01)
    return text.split()


def test_a_tree_is_measured_and_ended_as_a_whole(tmp_path: Path):
    log = tmp_path / "log"
    with (
        log.open("wb") as out,
        processes.running([sys.executable, "-c", WITH_CHILD], out) as process,
    ):
        [child] = map(int, lines(log))
        assert set(processes.tree(process.pid)) == {process.pid, child}
        assert processes.cpu_seconds(process.pid) > processes.cpu_seconds(child) > 0
        assert processes.most_memory(process.pid) > processes.most_memory(child) > 2**20
    assert process.returncode is not None
    until = time.monotonic() + 5
    while Path(f"/proc/{child}").exists():  # killed, and soon reaped by init
        assert time.monotonic() < until
        time.sleep(0.01)


def test_who_listens_on_a_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert processes.listens(os.getpid(), port)
    assert not processes.listens(os.getpid(), port)


def test_a_target_that_ends_is_not_waited_for(tmp_path: Path):
    with (
        (tmp_path / "log").open("wb") as out,
        processes.running(["false"], out) as process,
        pytest.raises(RuntimeError, match="ended with status 1"),
    ):
        processes.await_listening(process, 1)


def test_a_port_of_somebody_else_is_no_target(tmp_path: Path):
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        (tmp_path / "log").open("wb") as out,
        processes.running(["sleep", "60"], out) as process,
        pytest.raises(RuntimeError, match="did not listen"),
    ):
        processes.await_listening(process, server.getsockname()[1], seconds=0.1)


def test_the_machine_is_as_busy_as_this_test_at_least():
    before, begin = processes.machine_seconds(), time.process_time()
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)
    assert processes.machine_seconds() >= before
    assert time.process_time() >= begin
