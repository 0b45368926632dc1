"""Several processes on one port, watched by one that serves nothing itself.

Each opens the port with SO_REUSEPORT and keeps its own state, all of which can be rebuilt.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

from prometheus_client import CollectorRegistry, multiprocess, values

from adapter.errors import EX_CONFIG, ConfigError
from adapter.observe.logs import events

WORKER_MARK = "ADAPTER_WORKER"
METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"
"""Where the processes' metrics meet; prometheus_client looks for it when it is imported."""

_RESTART_SECONDS = 1.0
_LISTEN_SECONDS = 0.1
_STOP_SECONDS = 7.0
"""For so long after its answers' grace a worker may take to end."""


def all_workers() -> CollectorRegistry | None:
    """The metrics of all processes together; None where there is only this one."""
    if values.ValueClass is values.MutexValue:
        return None
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def when_alone(act: Callable[[], None]) -> None:
    """In a worker: calls `act` when the process that watches the workers is gone."""
    loop = asyncio.get_running_loop()

    def closed() -> None:
        loop.remove_reader(sys.stdin.fileno())
        act()

    loop.add_reader(sys.stdin.fileno(), closed)


def require_free(host: str, port: int) -> None:
    """Raises ConfigError if somebody listens there: SO_REUSEPORT would share with them."""
    if port == 0:
        raise ConfigError("several workers need a port that is named")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(f"can't listen on {host}:{port}: {error.strerror}") from None


def supervise(
    arguments: Sequence[str], count: int, environ: Mapping[str, str], grace: float
) -> int:
    """Keeps `count` workers running until SIGINT or SIGTERM; the exit code.

    One that dies is replaced; one that finds its settings impossible ends them all. `grace` is what
    the settings give to answers in flight, in seconds.
    """
    with tempfile.TemporaryDirectory(prefix="ollama-vllm-metrics-") as metrics_dir:
        environment = {**environ, WORKER_MARK: "1", METRICS_DIR: metrics_dir}
        command = [sys.executable, "-m", "adapter", *arguments]
        return _Workers(command, environment, grace + _STOP_SECONDS).run(count)


class _Workers:
    def __init__(
        self, command: list[str], environment: dict[str, str], stop_seconds: float
    ) -> None:
        self._command = command
        self._environment = environment
        self._stop_seconds = stop_seconds
        self._processes: list[subprocess.Popen[bytes]] = []
        self._stopping = False
        self._exit_code = 0

    def run(self, count: int) -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        self._processes = [self._begin() for _ in range(count)]
        checked = time.monotonic()
        while not self._stopping:
            time.sleep(_LISTEN_SECONDS)
            if time.monotonic() - checked >= _RESTART_SECONDS:
                self._replace_dead()
                checked = time.monotonic()
        self._end()
        return self._exit_code

    def _begin(self) -> subprocess.Popen[bytes]:
        # Nothing is ever written to the pipe: it closes with this process, however that ends.
        return subprocess.Popen(self._command, env=self._environment, stdin=subprocess.PIPE)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _replace_dead(self) -> None:
        for index, process in enumerate(self._processes):
            code = process.poll()
            if code is None:
                continue
            if code == EX_CONFIG:
                self._exit_code = code
                self._stopping = True
                return
            events.warning("worker %d ended with code %d and is replaced", process.pid, code)
            metrics_dir = self._environment[METRICS_DIR]
            multiprocess.mark_process_dead(process.pid, metrics_dir)  # type: ignore[no-untyped-call]
            self._processes[index] = self._begin()

    def _end(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(self._stop_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
