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
    """`ids` ascend; column i of `columns` is the vector of ids[i], a passage of documents[i].

    A matrix is never changed: who searches in one is not disturbed by the next. Columns, as BLAS
    then goes through memory from one end to the other: with rows a search takes half as long again.
    """

    generation: int
    ids: Ids
    documents: Ids
    columns: Vectors

    def search(
        self, vector: Vectors, limit: int, documents: Collection[int] | None = None
    ) -> list[Scored]:
        """The cosines of the best, best first; only of some documents, if they are given."""
        if not len(self.ids) or limit < 1:
            return []
        scores = vector @ self.columns
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
            int(id): self.columns[:, place].copy()
            for id, place in zip(wanted, at, strict=True)
            if place < len(self.ids) and self.ids[place] == id
        }

    def changed(
        self, generation: int, there: Ids, documents: Ids, new_ids: Ids, new_columns: Vectors
    ) -> Matrix:
        """The next matrix: what is there now; what is new of it comes with its columns."""
        kept = np.isin(self.ids, there)
        ids = np.concatenate([self.ids[kept], new_ids])
        assert np.array_equal(ids, there)
        stayed = len(ids) - len(new_ids)
        if not stayed:
            return Matrix(generation, ids, documents, new_columns)
        # One copy: the vectors of a large index are hundreds of megabytes.
        columns = np.empty((len(self.columns), len(ids)), np.float32)
        for before, after in zip(self.columns, columns, strict=True):
            np.compress(kept, before, out=after[:stayed])
        columns[:, stayed:] = new_columns
        return Matrix(generation, ids, documents, columns)


def empty(dimension: int) -> Matrix:
    none = np.empty(0, np.int64)
    return Matrix(-1, none, none, np.empty((dimension, 0), np.float32))
