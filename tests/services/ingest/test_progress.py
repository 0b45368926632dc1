from __future__ import annotations

import itertools

from services.ingest.progress import REMEMBERED, Board, Progress


def test_under_way_and_ended():
    times = map(str, itertools.count())
    board = Board(lambda: next(times))
    board.note("rag", Progress("a.md", "waiting"))
    board.note("rag", Progress("a.md", "cut", 3))
    board.note("other", Progress("b.md", "failed", error="why", status=400))
    told = board.told()
    [row] = told["under_way"]
    assert (row["stage"], row["passages"], row["since"]) == ("cut", 3, "0")
    [row] = told["last"]
    assert (row["index_name"], row["error"], row["at"]) == ("other", "why", "2")
    board.note("rag", Progress("a.md", "added", 3))
    assert board.told()["under_way"] == []
    assert [row["file"] for row in board.told()["last"]] == ["a.md", "b.md"]
    assert [row["file"] for row in board.told("other")["last"]] == ["b.md"]


def test_one_outcome_for_each_file_and_not_for_ever():
    board = Board()
    for number in range(REMEMBERED + 10):
        board.note("rag", Progress(str(number), "added"))
    board.note("rag", Progress("100", "failed"))
    last = board.told()["last"]
    assert len(last) == REMEMBERED
    assert last[0]["stage"] == "failed"
    assert sum(row["file"] == "100" for row in last) == 1
