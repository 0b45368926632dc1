"""All vectors of an index in memory: exact search is one product."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.store.model import Scored, Vectors

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Matrix:
    """`ids` ascend; row i of `rows` is the vector of ids[i], a passage of documents[i].

    A matrix is never changed: who searches in one is not disturbed by the next.
    """

    generation: int
    ids: Ids
    documents: Ids
    rows: Vectors

    def search(
        self, vector: Vectors, limit: int, documents: Collection[int] | None = None
    ) -> list[Scored]:
        """The cosines of the best, best first; only of some documents, if they are given."""
        if not len(self.ids) or limit < 1:
            return []
        scores = self.rows @ vector
        if documents is not None:
            allowed = np.isin(self.documents, np.fromiter(documents, np.int64, len(documents)))
            scores = np.where(allowed, scores, -np.inf)
        count = min(limit, len(scores))
        least = len(scores) - count
        best = np.argpartition(scores, least)[least:] if least else slice(None)
        order = np.lexsort((self.ids[best], -scores[best]))
        found = zip(self.ids[best][order].tolist(), scores[best][order].tolist(), strict=True)
        return [Scored(id, score) for id, score in found if score != -np.inf]

    def vectors(self, ids: Collection[int]) -> dict[int, Vectors]:
        wanted = np.fromiter(ids, np.int64, len(ids))
        at = np.searchsorted(self.ids, wanted)
        return {
            int(id): self.rows[place]
            for id, place in zip(wanted, at, strict=True)
            if place < len(self.ids) and self.ids[place] == id
        }

    def changed(
        self, generation: int, there: Ids, documents: Ids, new_ids: Ids, new_rows: Vectors
    ) -> Matrix:
        """The next matrix: the passages that are there now; those that are new come with rows."""
        kept = np.isin(self.ids, there)
        ids = np.concatenate([self.ids[kept], new_ids])
        assert np.array_equal(ids, there)
        stayed = len(ids) - len(new_ids)
        if not stayed:
            return Matrix(generation, ids, documents, new_rows)
        # One copy: the rows of a large index are hundreds of megabytes.
        rows = np.empty((len(ids), self.rows.shape[1]), np.float32)
        np.compress(kept, self.rows, axis=0, out=rows[:stayed])
        rows[stayed:] = new_rows
        return Matrix(generation, ids, documents, rows)


def empty(dimension: int) -> Matrix:
    none = np.empty(0, np.int64)
    return Matrix(-1, none, none, np.empty((0, dimension), np.float32))
