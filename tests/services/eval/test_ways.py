from __future__ import annotations

from services.store.model import Scored

from tests.services.eval.judged import Question
from tests.services.eval.thresholds import effect, nearest
from tests.services.eval.ways import Lists, best, rankings, reciprocal

LABELS = {1: "a", 2: "b", 3: "c", 4: "d"}
FOUND = Lists(
    [Scored(1, 0.9), Scored(2, 0.6), Scored(3, 0.1)], [Scored(3, 8.0), Scored(4, 4.0)], LABELS
)
NOTHING = Lists([Scored(4, 0.15)], [Scored(4, 1.0)], LABELS)


def test_each_way_has_its_order():
    assert best(FOUND, 0, dense=False) == ["c", "d"]
    assert best(FOUND, 1, lexical=False) == ["a", "b", "c"]
    assert best(FOUND, 0.3)[:2] == ["c", "a"]
    assert reciprocal(FOUND) == ["c", "a", "b", "d"]


def test_all_ways_are_tried_on_every_question():
    tried = rankings([FOUND, NOTHING])
    assert {len(rows) for rows in tried.values()} == {2}
    assert next(iter(tried)) == "words (BM25)", "what the others are compared with"


def test_what_a_least_cosine_does():
    asked = [Question("?", frozenset("ac")), Question("!", frozenset(), "unanswerable")]
    told = effect(asked, [["a", "b"], []])
    assert (told.silenced, told.lost, told.recall) == (1.0, 0.0, 0.5)
    told = effect(asked, [[], ["d"]])
    assert (told.silenced, told.lost, told.recall) == (0.0, 1.0, 0.0)


def test_the_nearest_of_each_kind():
    asked = [Question("?", frozenset("ac")), Question("!", frozenset(), "unanswerable")]
    assert nearest(asked, [FOUND, NOTHING], answerable=True) == "0.90, 0.90, 0.90"
    assert nearest(asked, [FOUND, NOTHING], answerable=False) == "0.15, 0.15, 0.15"
