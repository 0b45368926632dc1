from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.ingest.cutting import Size, cut, header_of, key_of, pieces
from services.ingest.reading import Reading, Section


@given(st.text(alphabet="ab .\n", max_size=300), st.integers(4, 50), st.integers(0, 2))
def test_no_word_is_lost_and_none_is_too_long(text: str, most: int, overlap: int):
    size = Size(most, overlap)
    parts = list(pieces(text, size))
    assert all(0 < len(part) <= most for part in parts)
    at = 0
    for part in parts:
        begin = text.find(part, max(0, at - overlap - len(part)))
        assert begin >= 0
        at = begin + len(part)
    assert "".join("".join(parts).split())[-1:] == "".join(text.split())[-1:]


def test_cuts_are_made_where_the_text_pauses():
    text = "One two three.\n\nFour five six. Seven eight nine ten."
    assert list(pieces(text, Size(24, 0))) == [
        "One two three.",
        "Four five six.",
        "Seven eight nine ten.",
    ]


def test_pieces_overlap_from_a_word_on():
    first, second = pieces("aaaa bbbb cccc dddd", Size(14, 5))
    assert (first, second) == ("aaaa bbbb", "bbbb cccc dddd")


def test_a_very_long_word_is_cut():
    assert [len(part) for part in pieces("x" * 25, Size(10, 0))] == [10, 10, 5]


def test_headers_and_pages():
    reading = Reading("x", [Section("text", ("Guide", "Start"), 7)], "Guide")
    [passage] = cut("a.md", reading, Size())
    assert passage.header == "a.md > Guide > Start"
    assert passage.metadata == {"page": 7}
    assert passage.key == key_of("a.md > Guide > Start", "text")


@pytest.mark.parametrize(
    ("title", "path", "header"),
    [("", (), "a.md"), ("T", (), "a.md > T"), ("T", ("", "B"), "a.md > T > B")],
)
def test_a_header_has_what_there_is(title: str, path: tuple[str, ...], header: str):
    assert header_of("a.md", title, path) == header
