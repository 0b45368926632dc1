from __future__ import annotations

import numpy as np
from services.store import matrix
from services.store.matrix import Matrix
from services.store.model import Scored


def made(*rows: tuple[float, float]) -> Matrix:
    ids = np.arange(1, len(rows) + 1) * 10
    return Matrix(1, ids, ids // 20, np.array(rows, np.float32).T)


ASKED = np.array([1, 0], np.float32)


def test_the_best_come_first_and_of_equals_the_earlier():
    found = made((0.5, 0), (1, 0), (0.5, 1), (-1, 0)).search(ASKED, 3)
    assert found == [Scored(20, 1), Scored(10, 0.5), Scored(30, 0.5)]


def test_fewer_than_asked_for():
    assert len(made((1, 0)).search(ASKED, 10)) == 1
    assert made((1, 0)).search(ASKED, 0) == []
    assert matrix.empty(2).search(ASKED, 3) == []


def test_only_of_some_documents():
    found = made((1, 0), (0.5, 0), (0.2, 0)).search(ASKED, 9, {1})
    assert [one.id for one in found] == [20, 30]
    assert made((1, 0)).search(ASKED, 9, set()) == []


def test_vectors_by_id():
    vectors = made((1, 0), (0, 1)).vectors([20, 15, 99])
    assert vectors.keys() == {20}
    assert vectors[20].tolist() == [0, 1]


def test_the_next_matrix_has_what_stayed_and_what_came():
    before = made((1, 0), (0, 1), (1, 1))
    there, documents = np.array([20, 40]), np.array([1, 7])
    after = before.changed(2, there, documents, np.array([40]), np.array([[5], [5]], np.float32))
    assert after.ids.tolist() == [20, 40]
    assert after.columns.T.tolist() == [[0, 1], [5, 5]]
    assert len(before.ids) == 3
