"""The runner: `python -m tests.load.bench` (or `make bench`) starts everything, measures, reports.

All targets stand ready for the whole run, one after another is loaded: A B A B, so that what the
machine does beside it meets all of them alike.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from tests.load import loops, phases, processes, report, targets
from tests.load.figures import Measurement, summary
from tests.load.generator import Findings, Job
from tests.load.goals import Results
from tests.load.phases import Phase
from tests.load.script import LOCK
from tests.load.targets import DIRECT, Missing, Place, Target
from tests.support.machine import ROOT, VENV, clean_environ, free_port

REPEATS = 3
_READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Standing:
    """A target that runs."""

    name: str
    dialect: str
    port: int
    pid: int


class Bench:
    """The mock engine and all targets, in a folder of their own."""

    def __init__(self, folder: Path, peers: Path) -> None:
        self.skipped: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self._folder = folder
        self._peers = peers
        self._acks = str(folder / "acks")
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Bench:
        self._engine_port = free_port()
        command = [sys.executable, "-m", "tests.load.mock_vllm", "--acks", self._acks]
        engine = self._start([*command, "--port", str(self._engine_port)], self._folder)
        self.engine = engine.pid
        processes.await_listening(engine, self._engine_port)
        self.direct = Standing(DIRECT, "openai", self._engine_port, engine.pid)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

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

    def _stand(self, target: Target) -> Standing:
        """Starts a target and waits for its first right answers.

        Raises:
            Missing: the machine lacks it.
            RuntimeError: it does not work.
        """
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        place = Place(folder, free_port(), self._engine_port, self._peers)
        process = self._start(target.command(place), folder)
        processes.await_listening(process, place.port)
        standing = Standing(target.name, target.dialect, place.port, process.pid)
        self._warm(standing)
        return standing

    def _warm(self, standing: Standing) -> None:
        """Raises RuntimeError if it does not answer rightly in time."""
        until = time.monotonic() + _READY_SECONDS
        while True:
            where = (standing.port, standing.dialect)
            found = self._load(Job(*where, 20, LOCK, True, 2, 0.3, self._acks, patience=5))
            if found.answers and not found.failed:
                return
            if time.monotonic() > until:
                raise RuntimeError(f"it gave no right answers: {dict(found.failed)}")
            time.sleep(0.2)

    def _load(self, job: Job) -> Findings:
        done = subprocess.run(
            [sys.executable, "-m", "tests.load.generator", orjson.dumps(asdict(job)).decode()],
            cwd=ROOT,
            env=clean_environ(),
            stdout=subprocess.PIPE,
            timeout=job.seconds + job.patience + 20,
            start_new_session=True,
            check=True,
        )
        return Findings(**orjson.loads(done.stdout))

    def measure(self, phase: Phase, target: Standing, seconds: float) -> Measurement:
        job = Job(
            target.port,
            target.dialect,
            phase.tokens,
            phase.pace,
            phase.stream,
            phase.clients,
            seconds,
            self._acks,
            phase.rounds,
            phase.ramp,
            padding=phase.padding,
            stall=phase.stall,
            engine=self._engine_port if phase.leaves else 0,
        )
        processes.forget_memory(target.pid)
        before, memory = self._clocks(target), processes.most_memory(target.pid)
        found = self._load(job)
        spent = [now - then for now, then in zip(self._clocks(target), before, strict=True)]
        cpu, engine, own, machine, wall = spent
        ours = cpu + own + (engine if target.pid != self.engine else 0)
        return Measurement(
            target=target.name,
            phase=phase.name,
            answers=found.answers,
            tokens=found.tokens,
            seconds=found.seconds,
            cpu=cpu,
            others=max(0.0, machine - ours) / wall,
            first_token_p50=found.first_token_p50,
            first_token_p99=found.first_token_p99,
            memory_before=memory,
            memory_most=processes.most_memory(target.pid),
            left=found.left,
            failed=found.failed,
        )

    def _clocks(self, target: Standing) -> tuple[float, float, float, float, float]:
        """Seconds of CPU: the target, the engine, generator and runner, the machine; and time."""
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (
            processes.cpu_seconds(target.pid),
            processes.cpu_seconds(self.engine),
            children.ru_utime + children.ru_stime + time.process_time(),
            processes.machine_seconds(),
            time.monotonic(),
        )


def measurements(
    bench: Bench, standing: Sequence[Standing], chosen: Sequence[Phase], repeats: int, quick: bool
) -> Iterator[Measurement]:
    for phase in chosen:
        seconds = (quick and phase.quick) or phase.seconds
        loaded = [bench.direct, *standing] if phase.reading == "first token" else standing
        for target in loaded if phase.fresh else ():
            with bench.fresh(target) as alone:
                yield bench.measure(phase, alone, seconds)
        for target in () if phase.fresh else (*loaded,) * repeats:
            yield bench.measure(phase, target, seconds)


def summaries(measured: Sequence[Measurement]) -> Results:
    runs: dict[tuple[str, str], list[Measurement]] = {}
    for one in measured:
        runs.setdefault((one.phase, one.target), []).append(one)
    return {key: summary(found, phases.BY_NAME[key[0]].clients) for key, found in runs.items()}


def machine() -> str:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cpu = model[1] if model else platform.machine()
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores of {cpu}, {system}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="what the adapter costs")
    parser.add_argument("--quick", action="store_true", help="in-tree targets, within a minute")
    parser.add_argument("--phases", nargs="+", choices=phases.BY_NAME, metavar="PHASE")
    parser.add_argument("--targets", nargs="+", choices=targets.BY_NAME, metavar="TARGET")
    parser.add_argument("--repeats", type=int, default=REPEATS, help=f"default: {REPEATS}")
    parser.add_argument("--peers", type=Path, default=VENV / "peers", help="their environments")
    parser.add_argument("--output", type=Path, default=VENV / "bench", help="folder for reports")
    return parser.parse_args()


def _chosen(asked: argparse.Namespace) -> tuple[list[Phase], list[Target]]:
    names = asked.phases or [row.name for row in phases.PHASES if row.quick or not asked.quick]
    servers = asked.targets or (
        [targets.ADAPTER, targets.BASELINE] if asked.quick else list(targets.BY_NAME)
    )
    return (
        [row for row in phases.PHASES if row.name in names],
        [row for row in targets.TARGETS if row.name in servers],
    )


def run(asked: argparse.Namespace) -> int:
    """The whole benchmark; 1 if an answer of ours was wrong or missing."""
    loops.allow_many_files()
    chosen, wanted = _chosen(asked)
    load = os.getloadavg()[0]
    measured: list[Measurement] = []
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Bench(Path(folder), asked.peers.absolute()) as bench,
    ):
        standing = [found for target in wanted if (found := bench.stand(target))]
        for one in measurements(bench, standing, chosen, asked.repeats, asked.quick):
            measured.append(one)
            told = f"{one.phase:9} {one.target:20} {one.answers} answers in {one.seconds:.1f} s"
            print(told, file=sys.stderr, flush=True)
    around = report.Surroundings(
        command=" ".join(["python -m tests.load.bench", *sys.argv[1:]]),
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        machine=machine(),
        load=(load, os.getloadavg()[0]),
        versions=bench.versions,
        skipped=bench.skipped,
    )
    results = summaries(measured)
    page = report.markdown(around, chosen, results)
    asked.output.mkdir(parents=True, exist_ok=True)
    (asked.output / "report.md").write_text(page)
    everything = report.document(around, results, measured)
    (asked.output / "report.json").write_bytes(orjson.dumps(everything, option=orjson.OPT_INDENT_2))
    print(page)
    ours = [row for (_, name), row in results.items() if name.startswith(targets.ADAPTER)]
    return 1 if any(row.failed for row in ours) or targets.ADAPTER in bench.skipped else 0


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        return run(arguments())
    except KeyboardInterrupt:
        print("interrupted; everything is stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
