"""How fast documents are taken in, embedding apart: `python -m tests.services.load.ingest`.

Files lie on disk as uploads do; they are read and cut in worker processes, get a vector each from
nowhere, and are stored. The text is Zipf's, under headings: as much per passage as in any text.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from services.engines.embedder import Embedding
from services.engines.http import Origin
from services.house import store_at
from services.ingest import spool
from services.ingest.cutting import Size
from services.ingest.ingest import File, Ingestion
from services.ingest.progress import Progress
from services.kit.metrics import Metrics
from services.settings import Settings
from services.store.model import Vectors

from tests.load.processes import machine_seconds
from tests.load.saved import machine, now
from tests.services.load.prose import Prose
from tests.services.load.search import a_place

GOAL = 3000
"""Passages in a second, on two cores."""
INDEX, SEED = "load", 7
WORDS_OF_A_PARAGRAPH, PARAGRAPHS_OF_A_SECTION, SECTIONS_OF_A_FILE = 80, 6, 20
FORMS: dict[str, Callable[[list[list[str]]], str]] = {
    "md": lambda sections: "\n\n".join(
        "\n\n".join([f"## Heading {n}", *texts]) for n, texts in enumerate(sections)
    ),
    "txt": lambda sections: "\n\n".join(text for texts in sections for text in texts),
    "html": lambda sections: "".join(
        f"<h2>Heading {n}</h2>" + "".join(f"<p>{html.escape(text)}</p>" for text in texts)
        for n, texts in enumerate(sections)
    ),
    "csv": lambda sections: (
        "Name,Text\n" + "".join(f'Row,"{text}"\n' for texts in sections for text in texts)
    ),
}


class Nowhere:
    """Vectors at no cost."""

    def __init__(self, dimension: int) -> None:
        rows = np.random.default_rng(SEED).standard_normal((4096, dimension), np.float32)
        self._rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)

    async def model_id(self) -> str:
        return "nowhere"

    async def raw(self, texts: Sequence[str], origin: Origin | None = None) -> Vectors:
        return self._rows[: len(texts)]


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.services.load.ingest")
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--dimension", type=int, default=768)
    parser.add_argument("--kind", choices=FORMS, default="md")
    parser.add_argument("--parallel", type=int, default=1, help="requests at a time")
    parser.add_argument("--store", default="", help="a STORE_URL; default: SQLite in a new folder")
    parser.add_argument("--postgres", action="store_true", help="a PostgreSQL of its own, instead")
    told = "runs, each into an empty index, of which the least disturbed is told"
    parser.add_argument("--times", type=int, default=1, help=told)
    return parser.parse_args(given)


def written(folder: Path, count: int, kind: str) -> list[File]:
    prose, files = Prose(SEED), []
    for number in range(count):
        texts = prose.texts(PARAGRAPHS_OF_A_SECTION * SECTIONS_OF_A_FILE, WORDS_OF_A_PARAGRAPH)
        step = PARAGRAPHS_OF_A_SECTION
        sections = [texts[at : at + step] for at in range(0, len(texts), step)]
        path = folder / f"{number}.{kind}"
        path.write_text(FORMS[kind](sections))
        files.append(File(path.name, spool.at(path)))
    return files


async def taken(ingestion: Ingestion, files: Sequence[File], parallel: int) -> list[Progress]:
    left, done = list(reversed(files)), []

    async def request() -> None:
        while left:
            done.append(await ingestion.take(INDEX, left.pop(), Size()))

    await asyncio.gather(*(request() for _ in range(parallel)))
    return done


def processor_seconds() -> float:
    """Of this process and of those that it has ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@dataclass(frozen=True)
class Times:
    """Of one run. `others`: cores that were busy with something else."""

    done: Sequence[Progress]
    seconds: float
    used: float
    """Seconds of processors, ours."""
    others: float

    def told(self, size: int) -> str:
        passages = sum(one.passages for one in self.done)
        outcomes = Counter(one.stage for one in self.done)
        return (
            f"{', '.join(f'{n} {how}' for how, n in outcomes.items())}: {passages} passages of"
            f" {size / passages:.0f} bytes in {self.seconds:.1f} s and {self.used:.1f} s of"
            f" processors: {passages / self.seconds:.0f} passages/s (goal {GOAL}),"
            f" {size / self.seconds / 1e6:.1f} MB/s; others' cores {self.others:.1f}"
        )


async def once(asked: argparse.Namespace, url: str, files: Sequence[File]) -> Times:
    store = store_at(url)
    await store.open()
    await store.drop(INDEX)
    settings = Settings(embedding_batch=4096, embedding_parallel=1)
    embedding = Embedding(Nowhere(asked.dimension), settings)
    ingestion = Ingestion(store, embedding, Metrics(), settings)
    began, used, busy = time.perf_counter(), processor_seconds(), machine_seconds()
    done = await taken(ingestion, files, asked.parallel)
    seconds = time.perf_counter() - began
    await ingestion.close()
    used, busy = processor_seconds() - used, machine_seconds() - busy
    await store.close()
    return Times(done, seconds, used, max(0.0, busy - used) / seconds)


async def run(asked: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="ingest-") as folder, a_place(asked) as url:
        files = written(Path(folder), asked.files, asked.kind)
        found = [await once(asked, url, files) for _ in range(asked.times)]
    size = sum(file.spooled.size for file in files)
    print(
        f"{now()}, {machine()}; {url.partition(':')[0]}, {asked.kind}, {asked.dimension}"
        f" dimensions, {asked.parallel} at a time\n\n"
        f"{min(found, key=lambda one: one.others).told(size)}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(run(arguments())))
