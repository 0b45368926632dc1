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

from tests.load.saved import machine, now
from tests.services.load.prose import Prose

GOAL = 3000
"""Passages in a second, on two cores."""
SEED = 7
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
            done.append(await ingestion.take("load", left.pop(), Size()))

    await asyncio.gather(*(request() for _ in range(parallel)))
    return done


def processor_seconds() -> float:
    """Of this process and of those that it has ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


async def run(asked: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="ingest-") as folder:
        files = written(Path(folder), asked.files, asked.kind)
        store = store_at(asked.store or f"sqlite:{folder}/load.sqlite")
        await store.open()
        settings = Settings(embedding_batch=4096, embedding_parallel=1)
        embedding = Embedding(Nowhere(asked.dimension), settings)
        ingestion = Ingestion(store, embedding, Metrics(), settings)
        began, used = time.perf_counter(), processor_seconds()
        done = await taken(ingestion, files, asked.parallel)
        seconds = time.perf_counter() - began
        await ingestion.close()
        used = processor_seconds() - used
        await store.close()
    passages, size = sum(one.passages for one in done), sum(file.spooled.size for file in files)
    outcomes = ", ".join(f"{n} {how}" for how, n in Counter(one.stage for one in done).items())
    print(
        f"{now()}, {machine()}; {asked.kind}, {asked.dimension} dimensions,"
        f" {asked.parallel} at a time\n\n"
        f"{outcomes}: {passages} passages of {size / passages:.0f} bytes in {seconds:.1f} s and"
        f" {used:.1f} s of processors: {passages / seconds:.0f} passages/s (goal {GOAL}),"
        f" {size / seconds / 1e6:.1f} MB/s"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(run(arguments())))
