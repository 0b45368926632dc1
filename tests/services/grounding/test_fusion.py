from __future__ import annotations

import numpy as np
import pytest
from services.grounding.fusion import Found, diverse, fused, scaled
from services.store.model import Scored

DENSE = [Scored(1, 0.9), Scored(2, 0.5), Scored(3, 0.1)]
LEXICAL = [Scored(3, 12.0), Scored(4, 2.0)]


def test_weights():
    scores = {one.id: one.score for one in fused(DENSE, LEXICAL, 0.5, 9)}
    assert scores == pytest.approx({1: 0.5, 2: 0.25, 3: 0.5, 4: 0.0})
    assert [one.id for one in fused(DENSE, LEXICAL, 1.0, 2)] == [1, 2]
    assert fused(DENSE, LEXICAL, 0.0, 1)[0].id == 3


def test_raw_scores_are_kept():
    [best] = fused(DENSE, LEXICAL, 0.0, 1)
    assert (best.dense, best.lexical) == (0.1, 12.0)
    assert fused([], [], 0.5, 9) == []


def test_all_alike():
    assert scaled({1: 3.0, 2: 3.0}) == {1: 1.0, 2: 1.0}


def test_the_second_is_unlike_the_first():
    rows = np.array([[1, 0], [0.999, 0.045], [0.6, 0.8]], np.float32)
    found = [Found(at, 1.0) for at in range(3)]
    vectors = dict(enumerate(rows))
    asked = np.array([1, 0], np.float32)
    assert [one.id for one in diverse(found, asked, vectors, 2, 0.3)] == [0, 2]
    assert [one.id for one in diverse(found, asked, vectors, 3, 1.0)] == [0, 1, 2]
    del vectors[0]
    assert [one.id for one in diverse(found, asked, vectors, 9, 1.0)] == [1, 2]
    assert diverse(found, asked, {}, 9, 1.0) == []
