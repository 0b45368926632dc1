"""What stands ready during a run: mock engines and targets, each a process of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from tests.load import processes, targets
from tests.load.generator import Findings, Job
from tests.load.script import LOCK
from tests.load.target import Missing, Place, Target
from tests.load.targets import DIRECT
from tests.support.machine import ROOT, clean_environ, free_port

_READY_SECONDS = 30.0
_NICE = 10
"""Of a load beside another: it must not take the CPU from the process that takes the times."""


@dataclass(frozen=True, slots=True)
class Mock:
    """A process of mock engines: one for each port."""

    pid: int
    ports: Sequence[int]
    acks: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A target that runs. `models` are those of all engines behind it."""

    name: str
    dialect: str
    port: int
    pid: int
    mock: Mock
    models: int = 1
    workers: int = 1
    prefix: str = ""


class Stage:
    """The mock engines and all targets, in a folder of their own."""

    def __init__(self, folder: Path, peers: Path) -> None:
        self.skipped: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self._folder = folder
        self._peers = peers
        self._mocks: dict[tuple[int, int], Mock] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Stage:
        mock = self.mock(1, 1)
        self.direct = Standing(DIRECT, "openai", mock.ports[0], mock.pid, mock)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def mock(self, engines: int, models: int) -> Mock:
        """A process of so many engines with so many models each: the same for the same."""
        if (engines, models) not in self._mocks:
            folder = Path(tempfile.mkdtemp(dir=self._folder))
            ports, acks = [free_port() for _ in range(engines)], str(folder / "acks")
            command = [sys.executable, "-m", "tests.load.mock_vllm", "--acks", acks]
            command += ["--models", str(models), "--port", *map(str, ports)]
            process = self._start(command, folder)
            processes.await_listening(process, ports[-1])
            self._mocks[engines, models] = Mock(process.pid, ports, acks)
        return self._mocks[engines, models]

    def _start(self, command: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((folder / "log").open("wb"))
        return self._stack.enter_context(processes.running(command, log))

    def stand(self, target: Target) -> Standing | None:
        """Starts a target for the whole run; None if it can't be measured."""
        try:
            standing = self._stand(target)
        except (Missing, RuntimeError) as error:
            self.skipped[target.name] = str(error)
            return None
        self.versions[target.name] = f"{target.about} ({target.told()})"
        return standing

    @contextlib.contextmanager
    def fresh(self, standing: Standing) -> Iterator[Standing]:
        """Another process of a target, ended with the block."""
        kept, self._stack = self._stack, contextlib.ExitStack()
        try:
            with self._stack:
                yield self._stand(targets.BY_NAME[standing.name])
        finally:
            self._stack = kept

    def place(self, target: Target) -> Place:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        ports = self.mock(target.engines, target.models).ports
        return Place(folder, free_port(), ports, self._peers)

    def _stand(self, target: Target) -> Standing:
        """Starts a target and waits for its first right answers, and until it has no more to do.

        Raises:
            Missing: the machine lacks it.
            RuntimeError: it does not work.
        """
        place = self.place(target)
        process = self._start(target.command(place), place.folder)
        processes.await_listening(process, place.port)
        standing = Standing(
            target.name,
            target.dialect,
            place.port,
            process.pid,
            self.mock(target.engines, target.models),
            target.engines * target.models,
            target.workers,
            target.prefix,
        )
        self._warm(standing)
        processes.await_idle(process.pid)
        return standing

    def _warm(self, standing: Standing) -> None:
        """Raises RuntimeError if it does not answer rightly in time."""
        until = time.monotonic() + _READY_SECONDS
        while True:
            where = (standing.port, standing.dialect)
            models = {"models": standing.models, "prefix": standing.prefix}
            job = Job(*where, 20, LOCK, True, 2, 0.3, standing.mock.acks, patience=5, **models)
            found = load(job)
            if found.answers and not found.failed:
                return
            if time.monotonic() > until:
                raise RuntimeError(f"it gave no right answers: {dict(found.failed)}")
            time.sleep(0.2)


def load(job: Job, beside: Job | None = None) -> Findings:
    """What came of a job; `beside` is another that is on meanwhile, whose failures count too."""
    started = [_generator(job), *([_generator(beside, _NICE)] if beside else [])]
    try:
        outputs = [
            process.communicate(timeout=one.seconds + one.patience + 20)[0]
            for process, one in zip(started, (job, beside), strict=False)
            if one
        ]
    finally:
        for process in started:
            process.kill()
            process.wait()
    found, *others = (Findings(**orjson.loads(output)) for output in outputs)
    for other in others:
        for kind, times in other.failed.items():
            found.failed[f"beside: {kind}"] = times
        if not other.answers:
            found.failed["beside: no answer in time"] = 1
    return found


def _generator(job: Job, nice: int = 0) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.load.generator", orjson.dumps(asdict(job)).decode()]
    return subprocess.Popen(
        ["nice", "-n", str(nice), *command],
        cwd=ROOT,
        env=clean_environ(),
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
