"""`make eval`: how good retrieval is, with which weight, and how sure that is.

Exit code 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from services.settings import Settings

from tests.load.saved import machine, now
from tests.services.eval import report
from tests.services.eval.cranfield import cranfield
from tests.services.eval.docstrings import docstrings_of_python
from tests.services.eval.documentation import documentation
from tests.services.eval.floors import BM25, FLOORS, FUSED, Floor
from tests.services.eval.judged import Judged
from tests.services.eval.thresholds import LEAST, Effect, effect
from tests.services.eval.ways import by_default, hybrid, lists, rankings


@dataclass(frozen=True)
class Outcome:
    page: str
    missed: Sequence[str] = ()


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make eval", description="how good retrieval is")
    parser.add_argument("--cranfield", type=Path, metavar="FOLDER", help="the Cranfield collection")
    parser.add_argument(
        "--among",
        type=int,
        default=Settings().candidates,
        metavar="N",
        help="passages that each search brings (default: as the services)",
    )
    parser.add_argument("--missed", action="store_true", help="also: which answers aren't found")
    return parser.parse_args(given)


async def evaluated(judged: Judged, asked: argparse.Namespace) -> Outcome:
    found = [await lists(judged, one, asked.among) for one in judged.questions]
    answered = [one for one, q in zip(found, judged.questions, strict=True) if q.relevant]
    questions, tried = judged.answerable, rankings(answered)
    weight = Settings().dense_weight
    parts = [report.heading(judged), report.quality(questions, tried)]
    if judged.name == "documentation":
        parts.append(report.by_kind(questions, tried[hybrid(weight)]))
        effects = [(least, await with_least(judged, least)) for least in LEAST]
        parts.append(report.unanswerable(judged.questions, found, effects))
    if asked.missed:
        parts.append(report.missed(questions, tried[hybrid(weight)]))
    measured = {
        (way, measure): mean(values(questions, rows))
        for way, rows in tried.items()
        for measure, values in (("recall@10", report.shares), ("nDCG@10", report.gains))
    }
    return Outcome(
        "\n".join(parts),
        [
            told
            for floor in goals(judged.name, weight)
            if (told := floor.missed(measured[floor.of]))
        ],
    )


async def with_least(judged: Judged, least: float | None) -> Effect:
    rankings = [await by_default(judged, one, least) for one in judged.questions]
    return effect(judged.questions, rankings)


def goals(name: str, weight: float) -> list[Floor]:
    if name == "Cranfield":
        return [Floor(("words (BM25)", "nDCG@10"), BM25), Floor((hybrid(weight), "nDCG@10"), FUSED)]
    if name == "documentation":
        return [Floor((hybrid(weight), measure), least) for measure, least in FLOORS.items()]
    return []


async def run(asked: argparse.Namespace) -> int:
    collections: list[AbstractAsyncContextManager[Judged]] = [documentation()]
    if asked.cranfield:
        collections.append(cranfield(asked.cranfield))
    collections.append(docstrings_of_python())
    print(f"{now()}, {machine()}; vectors of wordllama, {asked.among} candidates of each search\n")
    missed = []
    for one in collections:
        async with one as judged:
            outcome = await evaluated(judged, asked)
        print(outcome.page, flush=True)
        missed += [f"{judged.name}: {told}" for told in outcome.missed]
    for told in missed:
        print(told, file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(run(arguments())))
