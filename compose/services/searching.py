"""Looking for passages: in the store, or by way of a retriever elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

from services.engines.embedder import gathered
from services.engines.http import Http, Origin
from services.errors import EngineError, Mismatch
from services.grounding.asking import MOST, Retrieval
from services.grounding.fusion import Found, diverse, fused
from services.settings import SearchType, Settings
from services.store.model import (
    Filters,
    Index,
    Model,
    Passage,
    Scored,
    Store,
    Vectors,
    require_same,
)

Vector = Callable[[], Awaitable[Vectors]]
"""The question's vector, made when it is asked for."""
OPEA_LEAST = 0.2
"""The least cosine of a search by `similarity_score_threshold` that names none."""


@dataclass(frozen=True)
class Query:
    text: str
    index: str
    how: SearchType = "hybrid"
    limit: int = 4
    among: int = 40
    """How many each of the two searches brings."""
    dense_weight: float = 0.3
    score_threshold: float | None = None
    """Least cosine."""
    distance_threshold: float | None = None
    """Greatest distance, 1 - cosine."""
    relevance: float = 0.5
    """For mmr: `lambda_mult`."""
    filters: Filters | None = None
    model: Model | None = None
    """What made the vector, if that is known; its dimension is then the vector's."""


def wanted(
    text: str,
    wish: Retrieval,
    settings: Settings,
    how: SearchType,
    limit: int,
    model: Model | None,
    *,
    union: bool = False,
) -> Query:
    """The query of a request; what it does not say is as the settings have it.

    `union`: all that the searches bring is wanted, and `limit` is the least that each brings.
    """
    among = wish.fetch_k or max(settings.candidates, limit)
    least = wish.score_threshold
    if how == "similarity_score_threshold" and least is None:
        least = OPEA_LEAST
    return Query(
        text=text,
        index=wish.index_name or settings.index,
        how=how,
        limit=min(2 * among, MOST) if union else limit,
        among=among,
        dense_weight=settings.dense_weight if wish.dense_weight is None else wish.dense_weight,
        score_threshold=least,
        distance_threshold=wish.distance_threshold,
        relevance=0.5 if wish.lambda_mult is None else wish.lambda_mult,
        filters=wish.filters,
        model=model,
    )


class Hit(NamedTuple):
    """A tuple: dozens are made for a question, and a frozen dataclass takes four times as long."""

    passage: Passage
    score: float
    dense: float | None = None
    lexical: float | None = None
    ranked: float | None = None


class Searcher(Protocol):
    async def search(self, query: Query, vector: Vector, origin: Origin) -> list[Hit]: ...


class LocalSearcher:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def search(self, query: Query, vector: Vector, origin: Origin) -> list[Hit]:
        """Words are looked for while the vector is made."""
        index = await self._store.index(query.index)
        if index is None:
            return []
        found = await self._found(query, checked(query, index, vector))
        passages = await self._store.passages([one.id for one in found])
        by_id = {one.id: one for one in found}
        return [
            Hit(one, by_id[one.id].score, by_id[one.id].dense, by_id[one.id].lexical)
            for one in passages
        ]

    async def _found(self, query: Query, vector: Vector) -> list[Found]:
        if query.how == "lexical":
            return fused([], await self._lexical(query, query.limit), 0, query.limit)
        if query.how == "hybrid":
            lexical, (made, dense) = await gathered(
                [self._lexical(query, query.among), self._dense(query, query.among, vector)]
            )
            if query.score_threshold is not None or query.distance_threshold is not None:
                lexical = await self._near(query, made, dense, lexical)
                dense = above(dense, query)
            return fused(dense, lexical, query.dense_weight, query.limit)
        if query.how == "mmr":
            made, dense = await self._dense(query, query.among, vector)
            found = [Found(one.id, one.score, one.score) for one in above(dense, query)]
            vectors = await self._store.vectors(query.index, [one.id for one in found])
            return diverse(found, made, vectors, query.limit, query.relevance)
        _, dense = await self._dense(query, query.limit, vector)
        return [Found(one.id, one.score, one.score) for one in above(dense, query)]

    async def _near(
        self, query: Query, made: Vectors, dense: Sequence[Scored], lexical: Sequence[Scored]
    ) -> list[Scored]:
        """Of those found by words: a passage that is near enough need not be among the nearest."""
        cosines = {one.id: one.score for one in dense}
        unknown = [one.id for one in lexical if one.id not in cosines]
        vectors = await self._store.vectors(query.index, unknown)
        cosines |= {id: float(vector @ made) for id, vector in vectors.items()}
        near = above([Scored(id, cosine) for id, cosine in cosines.items()], query)
        let_through = {one.id for one in near}
        return [one for one in lexical if one.id in let_through]

    async def _lexical(self, query: Query, limit: int) -> list[Scored]:
        return await self._store.lexical(query.index, query.text, limit, query.filters)

    async def _dense(
        self, query: Query, limit: int, vector: Vector
    ) -> tuple[Vectors, list[Scored]]:
        made = await vector()
        return made, await self._store.dense(query.index, made, limit, query.filters)


def checked(query: Query, index: Index, vector: Vector) -> Vector:
    """The vector, of which is known that the index's can be compared with it.

    Raises, when it is made:
        Mismatch: they can't.
    """

    async def made() -> Vectors:
        found = await vector()
        if query.model is not None:
            require_same(query.index, index.model, replace(query.model, dimension=len(found)))
        elif index.model.dimension != len(found):
            told = f"{index.model.dimension}, not {len(found)}"
            raise Mismatch(f"the index {query.index} has vectors of dimension {told}")
        return found

    return made


def above(dense: Sequence[Scored], query: Query) -> list[Scored]:
    """Those that the thresholds let through; each counts where the kind of search names it."""
    least = query.score_threshold if "distance" not in query.how else None
    if query.how == "similarity":
        return list(dense)
    found = [one for one in dense if least is None or one.score >= least]
    most = query.distance_threshold
    return [one for one in found if most is None or 1 - one.score <= most]


class RemoteSearcher:
    """The retriever of another process: OPEA's contract, and ours beyond it."""

    def __init__(self, http: Http, url: str) -> None:
        self._http = http
        self._url = f"{url.rstrip('/')}/v1/retrieval"

    async def search(self, query: Query, vector: Vector, origin: Origin) -> list[Hit]:
        made = None if query.how == "lexical" else await vector()
        model = query.model
        body: dict[str, Any] = {
            "text": query.text,
            "embedding": made,
            "search_type": query.how,
            "k": query.limit,
            "fetch_k": query.among,
            "distance_threshold": query.distance_threshold,
            "score_threshold": query.score_threshold,
            "lambda_mult": query.relevance,
            "index_name": query.index,
            "dense_weight": query.dense_weight,
            "filters": query.filters,
            "model": model
            and {"id": model.id, "prefixes": [model.query_prefix, model.passage_prefix]},
        }
        reply = await self._http.post(self._url, body, origin)
        try:
            rows = zip(reply["retrieved_docs"], reply["metadata"], strict=True)
            return [read_hit(row["text"], told) for row, told in rows]
        except (LookupError, TypeError, ValueError):
            raise EngineError(f"{self._url}: a malformed answer") from None


_OWN = frozenset({"id", "file", "section", "position", "chunk_id", "score", "dense", "lexical"})


def told_hit(hit: Hit) -> dict[str, Any]:
    """A hit's metadata on the wire; its text stands beside it."""
    passage = hit.passage
    return {
        **passage.metadata,
        "id": passage.id,
        "file": passage.document,
        "section": passage.header,
        "position": passage.position,
        "chunk_id": passage.key,
        "score": hit.score,
        "dense": hit.dense,
        "lexical": hit.lexical,
    }


def read_hit(text: str, told: dict[str, Any]) -> Hit:
    passage = Passage(
        told["id"],
        told["file"],
        told["position"],
        text,
        told["section"],
        told["chunk_id"],
        {key: value for key, value in told.items() if key not in _OWN},
    )
    return Hit(passage, told["score"], told["dense"], told["lexical"])
