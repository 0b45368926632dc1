"""The adapter beside the real vLLM on this machine's CPU: `make bench-vllm`.

The load is that of `ollama-vllm bench`: the engine is asked through the adapter and directly, in
turns. Its model is tiny and says nonsense, but the way of a token is that of any model.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapter.bench import report as user_report
from adapter.bench.dialects import OLLAMA, OPENAI
from adapter.bench.figures import Round, percentile, summed
from adapter.bench.load import Load
from adapter.bench.server import Server, Unusable, session
from tests.load import processes, report, saved
from tests.load.bench import interrupted
from tests.load.figures import Measurement, Summary, summary
from tests.load.goals import API_SERVER, ENGINE, ENGINE_GOALS, ONE_STREAM
from tests.load.phases import Phase
from tests.load.targets import ADAPTER, DIRECT, adapter_version
from tests.support.engine import Engine
from tests.support.machine import VENV, free_port

MODEL = "tiny-chat"
TOKENS = 200
PHASES = (
    Phase(ONE_STREAM, "the real vLLM, 1 stream", "token", 1, TOKENS, "", 0, rounds=8),
    Phase(ENGINE, "the real vLLM, 16 sampled streams", "token", 16, TOKENS, "", 0, rounds=2),
)
TURNS = 4
_READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds of CPU: the adapter, and vLLM's API process without its engine core."""

    adapter: float
    api: float


class Course:
    """One run: what it measures is in `measured`, what a user would see in `rounds`."""

    def __init__(self, adapter: int, engine: int) -> None:
        self.measured: list[Measurement] = []
        self.rounds: list[Round] = []
        self._adapter = adapter
        self._engine = engine

    def _clocks(self) -> Clocks:
        return Clocks(
            processes.cpu_seconds(self._adapter),
            processes.own_cpu_seconds(self._engine),
        )

    async def run(self, adapter_url: str, engine_url: str) -> None:
        """Raises Unusable."""
        async with session(120) as opened:
            servers = [
                Server(DIRECT, engine_url, opened, OPENAI),
                Server(ADAPTER, adapter_url, opened, OLLAMA),
            ]
            for server in servers:
                await server.choose(MODEL)
                await server.try_out()
            for phase in PHASES:
                await Load(TOKENS, 1, _ignored).round(servers[0], phase.clients)  # to warm it
                load = Load(TOKENS, phase.rounds, self.rounds.append)
                for server in servers * TURNS:
                    await self._turn(load, phase, server)

    async def _turn(self, load: Load, phase: Phase, server: Server) -> None:
        before = self._clocks()
        found = await load.round(server, phase.clients)
        now = self._clocks()
        api = now.api - before.api
        print(f"{phase.name:9} {server.name:8} {found.seconds:.1f} s", file=sys.stderr, flush=True)
        if server.name == DIRECT:
            self.measured.append(measurement(phase, DIRECT, found, api))
            return
        cpu = now.adapter - before.adapter
        self.measured.append(measurement(phase, ADAPTER, found, cpu))
        self.measured.append(measurement(phase, API_SERVER, found, api))


def _ignored(_: Round) -> None:
    pass


def measurement(phase: Phase, target: str, found: Round, cpu: float) -> Measurement:
    """Of a turn in which the target took `cpu` seconds."""
    whole = [answer for answer in found.answers if not answer.fault]
    firsts = [answer.first * 1000 for answer in whole if answer.first is not None]
    return Measurement(
        target=target,
        phase=phase.name,
        answers=len(whole),
        tokens=sum(answer.tokens for answer in whole),
        seconds=found.seconds,
        cpu=cpu,
        others=0.0,  # the engine itself keeps the machine busy
        first_token_p50=percentile(firsts, 50) if firsts else None,
        first_token_p99=percentile(firsts, 99) if firsts else None,
        memory_before=0,
        memory_most=0,
        failed=dict(Counter(answer.fault for answer in found.answers if answer.fault)),
    )


def written(course: Course, output: Path, load: tuple[float, float]) -> str:
    """The page; it and the document go into the folder."""
    runs: dict[tuple[str, str], list[Measurement]] = {}
    for one in course.measured:
        runs.setdefault((one.phase, one.target), []).append(one)
    results: dict[tuple[str, str], Summary] = {key: summary(row, 1) for key, row in runs.items()}
    around = report.Surroundings(
        command="make bench-vllm",
        date=saved.now(),
        machine=saved.machine(),
        load=load,
        versions={
            ADAPTER: f"/api/chat ({adapter_version()})",
            DIRECT: "vLLM's own /v1/chat/completions; its CPU is that of the API process",
            API_SERVER: "its CPU while it is asked through the adapter, without the engine core's",
        },
        note=f"What a client sees:\n\n{user_report.table(summed(course.rounds))}",
    )
    page = report.markdown(around, PHASES, results, ENGINE_GOALS)
    saved.write(output, page, report.document(around, results, course.measured), saved.ENGINE)
    return page


def run(output: Path) -> str:
    """The page. Raises Unusable."""
    load = os.getloadavg()[0]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-vllm-")))
        engine = Engine(MODEL, ["--max-model-len", "1024"], folder / "engine.log")
        stack.callback(engine.stop)
        engine.start()
        port = free_port()
        command = [sys.executable, "-m", "adapter", "serve", "--port", str(port)]
        opened = stack.enter_context((folder / "adapter.log").open("wb"))
        adapter = stack.enter_context(
            processes.running([*command, "--upstream", engine.url], opened)
        )
        processes.await_listening(adapter, port)
        course = Course(adapter.pid, engine.pid)
        asyncio.run(course.run(f"http://127.0.0.1:{port}", engine.url))
    return written(course, output, (load, os.getloadavg()[0]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-vllm", description=__doc__)
    parser.add_argument("--output", type=Path, default=VENV / "bench", help="folder for reports")
    output = parser.parse_args().output
    signal.signal(signal.SIGTERM, interrupted)
    try:
        print(run(output))
    except KeyboardInterrupt:
        print("interrupted; everything is stopped", file=sys.stderr)
        return 130
    except (Unusable, RuntimeError, pytest.fail.Exception, pytest.skip.Exception) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
