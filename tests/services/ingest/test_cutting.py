from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from services.ingest.cutting import Size, cut, header_of, key_of, pieces
from services.ingest.reading import Reading, Section
from services.ingest.tokens import estimated


def characters(most: int, overlap: int = 0) -> Size:
    return Size(most, overlap, "characters")


TEXTS = st.lists(
    st.sampled_from(["a", "b", " ", ".", "|", "`", "```", "-", "\n", "\n\n", "日", "| a |\n|-|\n"])
).map("".join)


@example("```aaaa\n\n\na| a |\n|-|\n", 8, 0, "characters")
@given(TEXTS, st.integers(8, 50), st.integers(0, 4), st.sampled_from(["characters", "tokens"]))
def test_no_character_is_lost_and_none_is_too_long(text: str, most: int, overlap: int, unit):
    size = Size(most, overlap, unit)
    parts = list(pieces(text, size))
    assert all(part.strip() and size.of(part) <= most for part in parts)
    for character in "ab.日":
        assert sum(part.count(character) for part in parts) >= text.count(character)


def test_cuts_are_made_where_the_text_pauses():
    text = "One two three.\n\nFour five six. Seven eight nine ten."
    assert list(pieces(text, characters(24))) == [
        "One two three.",
        "Four five six.",
        "Seven eight nine ten.",
    ]


def test_as_many_paragraphs_as_fit():
    assert list(pieces("aaaa\n\nbbbb\n\n\ncccc", characters(10))) == ["aaaa\n\nbbbb", "cccc"]


def test_a_list_is_cut_between_its_points():
    text = "- one. two\n  three\n- four. five\n- six"
    assert list(pieces(text, characters(25))) == ["- one. two\n  three", "- four. five\n- six"]


def test_pieces_of_a_paragraph_overlap_from_a_word_on():
    assert list(pieces("aaaa bbbb cccc dddd", characters(14, 5))) == [
        "aaaa bbbb",
        "bbbb cccc dddd",
    ]


def test_a_very_long_word_is_cut():
    assert [len(part) for part in pieces("x" * 25, characters(10))] == [10, 10, 5]
    assert [len(part) for part in pieces("日" * 25, Size(15, 0))] == [10, 10, 5]


def test_a_table_is_kept_whole_where_it_fits():
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    assert list(pieces(f"Some words.\nMore.\n{table}\nAfter.", characters(40))) == [
        "Some words.\nMore.",
        f"{table}\n\nAfter.",
    ]


def test_else_each_part_has_its_head():
    rows = "\n".join(f"| {n} | x |" for n in range(6))
    parts = list(pieces(f"| a | b |\n|---|---|\n{rows}", characters(45)))
    assert parts == [f"| a | b |\n|---|---|\n| {n} | x |\n| {n + 1} | x |" for n in (0, 2, 4)]


def test_a_head_that_is_too_long_to_repeat_is_there_once():
    head = "| long name | another long name |"
    parts = list(pieces(f"{head}\n|---|---|\n" + "| 1 | 2 |\n" * 9, characters(50)))
    assert all(len(part) <= 50 for part in parts)
    assert "".join(parts).count("another") == 1
    assert "".join(parts).count("| 1 | 2 |") == 9


def test_no_line_takes_long():
    """Patterns that look back and forth would, for a line that fits them almost to its end."""
    began = time.monotonic()
    for line in ("|" + "-" * 200_000 + "x", "." * 200_000, " " * 200_000 + "x", "`" * 200_000):
        list(pieces(f"| a |\n{line}\n| b |\n\n{line}", Size()))
    assert time.monotonic() - began < 20


def test_rows_that_tell_their_columns_need_no_head():
    rows = [f"| n: {n} |" for n in range(4)]
    assert list(pieces("\n".join(rows), characters(20))) == [
        "| n: 0 |\n| n: 1 |",
        "| n: 2 |\n| n: 3 |",
    ]


def test_code_is_kept_whole_with_its_empty_lines():
    code = "```py\na = 1\n\n  b = 2\n```"
    assert list(pieces(f"Some text.\n\n{code}\n\nMore.", characters(31))) == [
        "Some text.",
        f"{code}\n\nMore.",
    ]


def test_else_each_part_is_fenced():
    code = "\n".join(["```py", "a = 1", "b = 2", "", "c = 3", "```", "End."])
    assert list(pieces(code, characters(23))) == [
        "```py\na = 1\nb = 2\n\n```",
        "```py\nc = 3\n```\n\nEnd.",
    ]


def test_a_fence_that_is_never_closed():
    assert list(pieces("```\na\n\nb", characters(20))) == ["```\na\n\nb"]
    assert "".join(pieces("```\n" + "a\n" * 30, characters(20))).count("a") == 30


def test_one_row_that_is_too_long():
    parts = list(pieces("| a | b |\n|---|---|\n| " + "word " * 20 + "|", characters(60)))
    assert all(len(part) <= 60 for part in parts)
    assert "".join(parts).count("word") == 20


def test_tokens_are_those_of_text_and_header():
    reading = Reading("x", [Section("Some words of a text. " * 100, ("Heading",))])
    size = Size(100, 10)
    passages = list(cut("a.md", reading, size))
    assert len(passages) > 5
    assert all(estimated(f"{one.header}\n{one.text}") <= 101 for one in passages)


def test_however_long_the_header_half_is_left():
    assert Size(100, 60).below("word" * 90) == Size(50, 25)
    assert characters(100).below("word" * 90) == characters(100)


def test_headers_and_pages():
    reading = Reading("x", [Section("text", ("Guide", "Start"), 7)], "Guide")
    [passage] = cut("a.md", reading, Size())
    assert passage.header == "a.md > Guide > Start"
    assert passage.metadata == {"page": 7}
    assert passage.key == key_of("a.md > Guide > Start", "text")


def test_what_is_not_seen_is_not_cut():
    reading = Reading("x", [Section("a\0b\ud800", ("H\nx\0" + "y" * 200,))], "T\ud800")
    [passage] = cut("a.md", reading, Size())
    assert passage.text == "ab"
    assert passage.header == f"a.md > T > H x{'y' * 117}…"


@pytest.mark.parametrize(
    ("title", "path", "header"),
    [("", (), "a.md"), ("T", (), "a.md > T"), ("T", ("", "B"), "a.md > T > B")],
)
def test_a_header_has_what_there_is(title: str, path: tuple[str, ...], header: str):
    assert header_of("a.md", title, path) == header


def test_another_way_to_cut_is_another_recipe():
    recipes = {Size().recipe, Size(100).recipe, Size(384, 0).recipe, characters(384, 32).recipe}
    assert len(recipes) == 4
