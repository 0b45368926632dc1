"""Two lists of found passages → one.

Scores of words and of vectors are brought to 0…1 and added by weight. Reciprocal ranks with equal
weights, the usual way, make a good list worse by a bad one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.store.model import Scored, Vectors


@dataclass(frozen=True)
class Found:
    """A passage by its id. `score` orders; `dense` and `lexical` are as they were found."""

    id: int
    score: float
    dense: float | None = None
    lexical: float | None = None


def fused(
    dense: Sequence[Scored], lexical: Sequence[Scored], weight: float, limit: int
) -> list[Found]:
    """The best of both, best first. `weight` is the share of `dense`; not found counts as 0."""
    by_dense = {scored.id: scored.score for scored in dense}
    by_lexical = {scored.id: scored.score for scored in lexical}
    share_dense, share_lexical = scaled(by_dense), scaled(by_lexical)
    all_ids = dict.fromkeys([*by_dense, *by_lexical])
    found = [
        Found(
            id,
            weight * share_dense.get(id, 0.0) + (1 - weight) * share_lexical.get(id, 0.0),
            by_dense.get(id),
            by_lexical.get(id),
        )
        for id in all_ids
    ]
    return sorted(found, key=lambda one: (-one.score, one.id))[:limit]


def scaled(scores: Mapping[int, float]) -> dict[int, float]:
    """To 0…1; all alike, and all are 1."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    if high == low:
        return dict.fromkeys(scores, 1.0)
    return {id: (score - low) / (high - low) for id, score in scores.items()}


def diverse(
    found: Sequence[Found],
    query: Vectors,
    vectors: Mapping[int, Vectors],
    limit: int,
    relevance: float,
) -> list[Found]:
    """Maximal marginal relevance: each next one is near the question and far from those chosen.

    `relevance` 1 is plain similarity, 0 only variety. What has no vector any more is left out.
    """
    left = [one for one in found if one.id in vectors]
    if not left:
        return []
    rows = np.stack([vectors[one.id] for one in left])
    near, chosen = rows @ query, list[int]()
    closest = np.full(len(left), -np.inf)
    while len(chosen) < min(limit, len(left)):
        redundant = np.where(np.isinf(closest), 0.0, closest)
        worth = relevance * near - (1 - relevance) * redundant
        worth[chosen] = -np.inf
        best = int(np.argmax(worth))
        chosen.append(best)
        closest = np.maximum(closest, rows @ rows[best])
    return [left[at] for at in chosen]
