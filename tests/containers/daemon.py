"""A real Docker daemon in namespaces of its own: mounts, network and processes.

The machine's network, iptables and cgroup mounts stay as they are. The daemon is started by an
init; when that is killed, the kernel ends every process of the namespace, containers included.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.containers import workshop
from tests.support import machine

UP_WITHIN = 30.0
PATIENCE = 120.0
LATE = 124
"""The exit code of a command that was ended for being late, as timeout(1) has it."""
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the packages are: a newer client in /usr/local would want what they lack."""
INIT = """
mount --make-rprivate /
mount -t overlay overlay -o lowerdir={tools}/usr:/usr /usr
ip link set lo up
# Where both versions of cgroups are mounted, this leaves version 1, which Debian's daemon prefers.
umount /sys/fs/cgroup/unified 2>/dev/null || true
mount -t tmpfs tmpfs /run
exec tini -- dockerd --data-root {root}/data --exec-root {root}/exec --pidfile {root}/pid \\
  -H unix://{root}/sock --storage-driver overlay2 --init-path /usr/bin/tini-static \\
  --default-ulimit nofile=4096:4096 --default-ulimit nproc=4096:4096
"""


class Daemon:
    """`run` starts programs beside it: they see its socket, and ports that it publishes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root / "dockerd.log"
        self._outer: subprocess.Popen[bytes] | None = None
        self._pid = 0

    def start(self) -> None:
        script = INIT.format(tools=workshop.TOOLS, root=self.root)
        with self.log.open("wb") as log:
            self._outer = subprocess.Popen(
                [
                    *("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"),
                    *("--mount-proc", "sh", "-ec", script),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=machine.clean_environ(),
                start_new_session=True,
            )
        deadline = time.monotonic() + UP_WITHIN
        while not self._answers():
            if self._outer.poll() is not None or time.monotonic() > deadline:
                self.stop()
                pytest.fail(f"dockerd did not come up:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.2)

    def stop(self) -> None:
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)  # the namespace's init: all others go with it
        if self._outer is not None:
            self._outer.kill()
            self._outer.wait(timeout=30)
        left = [str(self.root / folder) for folder in ("data", "exec")]
        subprocess.run(["rm", "-rf", *left], stderr=subprocess.DEVNULL, check=False)

    def _answers(self) -> bool:
        assert self._outer is not None
        if not self._pid:
            children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children")
            try:
                found = children.read_text().split()
            except OSError:
                return False
            self._pid = int(found[0]) if found else 0
        socket = self.root / "sock"
        return bool(self._pid) and socket.exists() and self.tried("docker", "version")[0] == 0

    def _inside(self) -> list[str]:
        return ["nsenter", "--target", str(self._pid), "--mount", "--net", "--pid", "--wd=."]

    def _environ(self, **more: str) -> dict[str, str]:
        settings = {"DOCKER_HOST": f"unix://{self.root}/sock", "PATH": PATH}
        return machine.clean_environ(**(settings | more))

    def lines(self, *command: str) -> Iterator[str]:
        """The lines that a command prints, as they come."""
        with subprocess.Popen(
            [*self._inside(), *command],
            env=self._environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        ) as running:
            assert running.stdout is not None
            yield from running.stdout

    def tried(
        self, *command: str, cwd: Path | None = None, timeout: float = PATIENCE, **environ: str
    ) -> tuple[int, str]:
        """Exit code and output, both streams."""
        try:
            done = subprocess.run(
                [*self._inside(), *command],
                cwd=cwd,
                env=self._environ(**environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            said = error.stdout.decode(errors="replace") if error.stdout else ""
            return LATE, f"{said}\nnot over after {timeout:.0f} s"
        return done.returncode, done.stdout

    def run(
        self, *command: str, cwd: Path | None = None, timeout: float = PATIENCE, **environ: str
    ) -> str:
        """The output of a command that has to succeed."""
        code, output = self.tried(*command, cwd=cwd, timeout=timeout, **environ)
        if code:
            pytest.fail(f"{shlex.join(command)} ended with {code}:\n{output[-6000:]}")
        return output

    def docker(self, *arguments: str) -> str:
        return self.run("docker", *arguments)

    def asked(self, path: str) -> Any:
        """What the daemon's API answers; without a process, as it is asked over and over."""
        line = _Line(str(self.root / "sock"))
        try:
            line.request("GET", path)
            answer = line.getresponse()
            told = json.loads(answer.read())
        finally:
            line.close()
        if answer.status != http.HTTPStatus.OK:
            pytest.fail(f"{path}: {answer.status}: {told}")
        return told


class _Line(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
