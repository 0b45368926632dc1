"""What the pipeline adds, and what it adds for many: `python -m tests.services.load.chat`.

Engines, services and clients are processes of their own. The engines take the time that is set in
back_ends.py, so what is more than their sum is the services'. Prints a table in Markdown.

Two ways to come: `at once`, all clients ask in the same moment and again together, the hardest
case; `spread`, they begin over the time of one answer, as people do. `--with-opea` asks OPEA's mega
service (opea.py) in turns with ours, before the same engines.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import numpy as np
import orjson

from adapter.bench.figures import percentile
from tests.load.processes import await_listening, cpu_seconds, machine_seconds, running
from tests.load.saved import machine, now
from tests.services.load import back_ends, opea
from tests.services.load.clients import Findings, Job
from tests.support.machine import ROOT, free_port

PATHS = {"openai": "/v1/chat/completions", "opea": "/v1/chatqna"}
GOAL = 1.25
"""First token at 32 clients, as a multiple of that at one."""
_DOCUMENTS, _SECTIONS = 20, 100
_WORDS, _VOCABULARY = 90, 5000
_ANSWER = back_ends.FIRST_TOKEN_SECONDS + back_ends.TOKENS * back_ends.TOKEN_SECONDS
_WAYS = {"at once": 0.0, "spread": _ANSWER}
"""Seconds over which the clients begin."""


@dataclass(frozen=True)
class Target:
    """Who is asked: a process that listens on a port."""

    name: str
    pid: int
    port: int
    path: str
    last: str = "Consulted, not cited:"
    """What ends a right answer."""


@dataclass(frozen=True)
class Row:
    who: str
    way: str
    clients: int
    found: Findings
    cpu: float
    """Seconds of who is asked, for all answers."""
    others: float
    """Cores that were busy with something else than this program and its processes."""

    @property
    def first(self) -> float:
        return percentile(self.found.first, 50)

    def cells(self, alone: float) -> list[str]:
        first = [f"{percentile(self.found.first, p) * 1000:.1f}" for p in (50, 95)]
        whole = f"{percentile(self.found.whole, 50) * 1000:.0f}"
        cpu = f"{self.cpu / len(self.found.whole) * 1000:.1f}"
        times = f"{self.first / alone:.2f}"
        asked = [self.who, self.way, str(self.clients), str(len(self.found.first))]
        return [*asked, *first, times, whole, cpu, f"{self.others:.1f}"]


HEADINGS = (
    *("asked", "clients come", "clients", "answers", "first token p50, ms", "p95, ms"),
    *("times one client", "whole answer p50, ms", "its CPU per answer, ms", "others' cores"),
)


def document(number: int) -> bytes:
    """Markdown of many sections, each of which becomes a passage."""
    ranks = np.arange(_VOCABULARY)
    shares = 1 / (ranks + 10)  # as words of a language are: few are common
    drawn = np.random.default_rng(number).choice(
        ranks, (_SECTIONS, _WORDS), p=shares / shares.sum()
    )
    parts = [
        f"## Chapter {number * _SECTIONS + at}\n\n{' '.join(f'word{rank}' for rank in row)}.\n\n"
        for at, row in enumerate(drawn.tolist())
    ]
    return f"# Document {number}\n\n{''.join(parts)}".encode()


@contextlib.contextmanager
def services(engines: int, store: Path, log: IO[bytes], more: Sequence[str]) -> Iterator[list[int]]:
    """The services in one process; its id, and the ports of chatqna and dataprep."""
    chatqna, dataprep = free_port(), free_port()
    engine = f"http://127.0.0.1:{engines}"
    environ = {
        "PYTHONPATH": str(ROOT / "compose"),
        "STORE_URL": f"sqlite:{store}",
        "ADAPTER_URL": engine,
        "LLM_MODEL_ID": "chat",
        "EMBEDDING_MODEL_ID": "embed",
        "CHATQNA_PORT": str(chatqna),
        "DATAPREP_PORT": str(dataprep),
        **{f"{role}_PORT": "0" for role in ("EMBEDDING", "RETRIEVER", "RERANKER", "LLM")},
        "TEI_EMBEDDING_PORT": "0",
    }
    given = [f"{key}={value}" for key, value in environ.items()]
    command = ["env", *given, *more, sys.executable, "-m", "services"]
    with running(command, log) as process:
        await_listening(process, chatqna)
        yield [process.pid, chatqna, dataprep]


def ingest(port: int) -> None:
    """As curl would do it; one request."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["curl", "-sS", "--fail-with-body"]
        for number in range(_DOCUMENTS):
            file = Path(folder) / f"{number}.md"
            file.write_bytes(document(number))
            command += ["-F", f"files=@{file}"]
        done = subprocess.run(
            [*command, f"http://127.0.0.1:{port}/v1/dataprep/ingest"],
            capture_output=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr


def measured(target: Target, way: str, clients: int, rounds: int) -> Row:
    job = Job(target.port, target.path, clients, rounds, _WAYS[way], target.last)
    command = [sys.executable, "-m", "tests.services.load.clients", orjson.dumps(asdict(job))]
    before, busy, own, began = cpu_seconds(target.pid), machine_seconds(), all_own(), time.time()
    done = subprocess.run(command, capture_output=True, check=False, cwd=ROOT)
    wall, own, busy = time.time() - began, all_own() - own, machine_seconds() - busy
    assert done.returncode == 0, done.stderr.decode()
    found = Findings(**orjson.loads(done.stdout))
    assert not found.failed, found.failed
    cpu, others = cpu_seconds(target.pid) - before, max(0.0, busy - own) / wall
    return Row(target.name, way, clients, found, cpu, others)


def all_own() -> float:
    """Seconds of this process, of its children and of those that are gone."""
    gone = resource.getrusage(resource.RUSAGE_CHILDREN)
    return cpu_seconds(os.getpid()) + gone.ru_utime + gone.ru_stime


@contextlib.contextmanager
def targets(chosen: argparse.Namespace) -> Iterator[list[Target]]:
    """Ours and, if it is asked for, OPEA's, before the same engines."""
    more = [] if chosen.store else ["RERANK_MODEL_ID=rank"]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        log = stack.enter_context((folder / "log").open("wb"))
        port = free_port()
        command = [sys.executable, "-m", "tests.services.load.back_ends", "--port", str(port)]
        command += ["--tokens", str(chosen.tokens)]
        engines = stack.enter_context(running(command, log))
        await_listening(engines, port)
        if not chosen.store:
            more.append(f"RETRIEVER_URL=http://127.0.0.1:{port}")
        pid, chatqna, dataprep = stack.enter_context(services(port, folder / "s", log, more))
        if chosen.store:
            ingest(dataprep)
        found = [Target("ours", pid, chatqna, PATHS[chosen.form])]
        if chosen.with_opea:
            pid, port = stack.enter_context(opea.serving(port, log))
            found.append(Target("OPEA's", pid, port, opea.PATH, opea.LAST))
        yield found


def rows(chosen: argparse.Namespace) -> Iterator[Row]:
    """Each target in turn, so that all have the machine as it is at one time; of several
    measurements the one that others disturbed least."""
    with targets(chosen) as asked:
        for target in asked:
            measured(target, "at once", 8, 2)  # what is done once is done
        for way in chosen.come:
            for clients in chosen.clients:
                rounds = chosen.rounds if clients > 1 else 4 * chosen.rounds
                many = [
                    [measured(target, way, clients, rounds) for target in asked]
                    for _ in range(chosen.times)
                ]
                yield from (
                    min(some, key=lambda one: one.others) for some in zip(*many, strict=True)
                )


def table(found: Sequence[Row]) -> str:
    alone: dict[tuple[str, str], float] = {}
    lines = [f"| {' | '.join(HEADINGS)} |", f"|---|---{'|--:' * (len(HEADINGS) - 2)}|"]
    for row in found:
        cells = row.cells(alone.setdefault((row.who, row.way), row.first))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="the pipeline under load")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32, 128])
    parser.add_argument("--come", nargs="+", choices=_WAYS, default=list(_WAYS))
    parser.add_argument("--rounds", type=int, default=5, help="questions of each client")
    told = "measurements for each row, of which the least disturbed is told"
    parser.add_argument("--times", type=int, default=1, help=told)
    parser.add_argument("--tokens", type=int, default=back_ends.TOKENS, help="of each answer")
    parser.add_argument("--form", choices=PATHS, default="openai")
    told = "search in our store; else retriever and reranker are back ends, as for OPEA's"
    parser.add_argument("--store", action="store_true", help=told)
    told = "ask OPEA's mega service, too: `python -m tests.services.load.opea` installs it"
    parser.add_argument("--with-opea", action="store_true", help=told)
    return parser.parse_args(given)


def load_average() -> str:
    return " ".join(f"{one:.1f}" for one in os.getloadavg())


def main() -> None:
    chosen, before = arguments(), load_average()
    found = list(rows(chosen))
    print(f"{now()}, {machine()}; load average before {before}, after {load_average()}\n")
    print(table(found))


if __name__ == "__main__":
    main()
