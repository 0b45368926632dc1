"""What a least cosine does: to questions that nothing answers, and to those that something does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from tests.services.eval.judged import Question
from tests.services.eval.measures import recall
from tests.services.eval.ways import Lists

LEAST = (None, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)


@dataclass(frozen=True)
class Effect:
    silenced: float
    """The share of the unanswerable questions for which nothing is found."""
    lost: float
    """The share of the answerable ones for which nothing is found."""
    recall: float
    """Of the answerable ones."""


def effect(asked: Sequence[Question], rankings: Sequence[Sequence[str]]) -> Effect:
    rows = list(zip(asked, rankings, strict=True))
    empty = [not ranking for question, ranking in rows if not question.relevant]
    answerable = [(question, ranking) for question, ranking in rows if question.relevant]
    return Effect(
        sum(empty) / len(empty),
        sum(not ranking for _, ranking in answerable) / len(answerable),
        sum(recall(ranking, one.relevant) for one, ranking in answerable) / len(answerable),
    )


def nearest(asked: Sequence[Question], found: Sequence[Lists], *, answerable: bool) -> str:
    """The cosines of the nearest passages: least, median, greatest."""
    cosines = [
        max(near.score for near in one.dense)
        for question, one in zip(asked, found, strict=True)
        if bool(question.relevant) == answerable
    ]
    return f"{min(cosines):.2f}, {median(cosines):.2f}, {max(cosines):.2f}"
