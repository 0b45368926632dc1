"""Ways to search, tried on the same questions: what each of them finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.engines.http import Origin
from services.grounding.fusion import fused
from services.searching import LocalSearcher, Query
from services.settings import Settings
from services.store.model import Scored, Vectors

from tests.services.eval.judged import INDEX, Judged, Question
from tests.services.eval.measures import DEPTH

WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
NOBODY = Origin("eval")
RANK_CONSTANT = 60
"""Of reciprocal rank fusion, as its authors have it."""

Rankings = dict[str, list[list[str]]]
"""For each way, for each question: labels, best first."""


@dataclass(frozen=True)
class Lists:
    """What the two searches bring for one question, and what each passage counts as."""

    dense: Sequence[Scored]
    lexical: Sequence[Scored]
    labels: Mapping[int, str]


async def lists(judged: Judged, question: Question, among: int) -> Lists:
    vector = await judged.embedding.query(question.text, NOBODY)
    dense = await judged.store.dense(INDEX, vector, among)
    lexical = await judged.store.lexical(INDEX, question.text, among)
    ids = list({one.id for one in (*dense, *lexical)})
    passages = await judged.store.passages(ids)
    return Lists(dense, lexical, {one.id: judged.label(one) for one in passages})


def rankings(found: Sequence[Lists]) -> Rankings:
    tried: Rankings = {"words (BM25)": [best(one, 0, dense=False) for one in found]}
    tried["vectors"] = [best(one, 1, lexical=False) for one in found]
    for weight in sorted({*WEIGHTS, Settings().dense_weight}):
        tried[hybrid(weight)] = [best(one, weight) for one in found]
    tried["reciprocal ranks"] = [reciprocal(one) for one in found]
    return tried


def hybrid(weight: float) -> str:
    return f"hybrid, {weight:g} of vectors"


def best(found: Lists, weight: float, *, dense: bool = True, lexical: bool = True) -> list[str]:
    lists = found.dense if dense else [], found.lexical if lexical else []
    return [found.labels[one.id] for one in fused(*lists, weight, DEPTH)]


def reciprocal(found: Lists) -> list[str]:
    """The usual fusion, which looks at ranks only: equal weights."""
    scores: dict[int, float] = {}
    for ranked in (found.dense, found.lexical):
        for rank, one in enumerate(ranked, 1):
            scores[one.id] = scores.get(one.id, 0.0) + 1 / (RANK_CONSTANT + rank)
    order = sorted(scores, key=lambda id: (-scores[id], id))
    return [found.labels[id] for id in order[:DEPTH]]


async def by_default(judged: Judged, question: Question, least: float | None = None) -> list[str]:
    """What the services find with their own settings, without a reranker; `least`: a cosine."""
    settings = Settings()
    query = Query(
        text=question.text,
        index=INDEX,
        how=settings.search_type,
        limit=DEPTH,
        among=settings.candidates,
        dense_weight=settings.dense_weight,
        score_threshold=least,
    )

    async def vector() -> Vectors:
        return await judged.embedding.query(question.text, NOBODY)

    hits = await LocalSearcher(judged.store).search(query, vector, NOBODY)
    return [judged.label(one.passage) for one in hits]
