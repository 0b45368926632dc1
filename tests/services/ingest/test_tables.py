from __future__ import annotations

import pytest
from services.ingest.tables import looks_like_head, rows_told


def test_each_row_tells_its_columns():
    rows = [["Name", "Age"], ["Anna", " 7 "], ["", "8"], ["Bo", "9", "more"], ["", ""]]
    assert list(rows_told(rows)) == [
        "| Name: Anna | Age: 7 |",
        "| Age: 8 |",
        "| Name: Bo | Age: 9 | more |",
    ]


def test_a_table_without_a_head():
    assert list(rows_told([["1", "2"], ["a", "b\nc"]])) == ["| 1 | 2 |", "| a | b c |"]
    told = list(rows_told([["a", "b"], ["c", "d"]], first_is_head=False))
    assert told == ["| a | b |", "| c | d |"]


def test_only_a_head():
    assert list(rows_told([["a", "b"]])) == ["| a | b |"]
    assert list(rows_told([])) == []


@pytest.mark.parametrize(
    "cells", [["a"], ["a", ""], ["a", "a"], ["a", "12.5"], ["a", "x" * 100], []]
)
def test_what_is_no_head(cells: list[str]):
    assert not looks_like_head(cells)
