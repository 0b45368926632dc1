"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.services.eval.judged import Judged, Question
from tests.services.eval.measures import interval, ndcg, recall
from tests.services.eval.thresholds import Effect, nearest
from tests.services.eval.ways import Lists, Rankings


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def quality(questions: Sequence[Question], tried: Rankings) -> str:
    """The last column is of the same questions: it tells more than two intervals that overlap."""
    base = gains(questions, next(iter(tried.values())))
    rows = []
    for way, rankings in tried.items():
        own = gains(questions, rankings)
        more = interval([a - b for a, b in zip(own, base, strict=True)])
        difference = f"{more.mean:+.3f} ({more.low:+.3f} to {more.high:+.3f})"
        rows.append(
            (way, str(interval(shares(questions, rankings))), str(interval(own)), difference)
        )
    return table(("search", "recall@10", "nDCG@10", "nDCG@10, less that of words"), rows)


def gains(questions: Sequence[Question], rankings: Sequence[Sequence[str]]) -> list[float]:
    return [ndcg(one, q.relevant) for q, one in zip(questions, rankings, strict=True)]


def shares(questions: Sequence[Question], rankings: Sequence[Sequence[str]]) -> list[float]:
    return [recall(one, q.relevant) for q, one in zip(questions, rankings, strict=True)]


def by_kind(questions: Sequence[Question], rankings: Sequence[Sequence[str]]) -> str:
    rows = []
    for kind in ("single", "multi"):
        some = [pair for pair in zip(questions, rankings, strict=True) if pair[0].kind == kind]
        asked, lists = [one for one, _ in some], [one for _, one in some]
        values = [str(interval(values(asked, lists))) for values in (shares, gains)]
        rows.append((kind, str(len(some)), *values))
    return table(("kind", "questions", "recall@10", "nDCG@10"), rows)


def missed(questions: Sequence[Question], rankings: Sequence[Sequence[str]]) -> str:
    """For who wants to know where to look."""
    rows = [
        (question.text, ", ".join(sorted(question.relevant - set(ranking))))
        for question, ranking in zip(questions, rankings, strict=True)
        if question.relevant - set(ranking)
    ]
    return table(("question", "not among the first ten"), rows)


def unanswerable(
    asked: Sequence[Question],
    found: Sequence[Lists],
    effects: Iterable[tuple[float | None, Effect]],
) -> str:
    rows = [
        (
            "none" if least is None else f"{least:g}",
            *(f"{share:.0%}" for share in (one.silenced, one.lost)),
            f"{one.recall:.3f}",
        )
        for least, one in effects
    ]
    head = ("least cosine", "unanswerable: nothing found", "answerable: nothing found", "recall@10")
    told = [
        f"{word}: {nearest(asked, found, answerable=answerable)}"
        for word, answerable in (("answerable", True), ("unanswerable", False))
    ]
    note = f"Nearest passage, cosine (least, median, greatest): {'; '.join(told)}."
    return f"{table(head, rows)}\n{note}\n"


def heading(judged: Judged) -> str:
    answerable = len(judged.answerable)
    beside = len(judged.questions) - answerable
    also = f", {beside} unanswerable" if beside else ""
    return f"## {judged.name}\n\n{judged.passages} passages, {answerable} questions{also}.\n"
