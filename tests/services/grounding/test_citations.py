from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from services.grounding.citations import Citations, listed, place, without_list


def checked(*pieces: str, sources: int = 2) -> tuple[str, Citations]:
    citations = Citations(sources)
    return "".join([*(citations.feed(piece) for piece in pieces), citations.flush()]), citations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is so [1].", "It is so [1]."),
        ("It is so [3].", "It is so."),
        ("a[1, 3] b[2,9]", "a[1] b[2]"),
        ("[1][2][3]", "[1][2]"),
        ("in [2024] and [x] and []", "in [2024] and [x] and []"),
        ("`a[7]` and ```\nb[8]\n``` c [9]", "`a[7]` and ```\nb[8]\n``` c"),
        ("open [1", "open [1"),
        ("zero [0]", "zero"),
        ("end ", "end "),
    ],
)
def test_only_sources_that_there_are(text: str, expected: str):
    assert checked(text)[0] == expected
    assert checked(*text)[0] == expected, "cut anywhere"


def test_what_was_used_and_what_was_stripped():
    citations = checked("a [1, 5] b [7] c [2]")[1]
    assert citations.used == {1, 2}
    assert citations.stripped == 2


@given(st.lists(st.text(alphabet="a [],123`\n", max_size=8), max_size=8))
@example(["``", "`a[9]"])
@example(["`", "`[9]"])
def test_the_cuts_make_no_difference(pieces: list[str]):
    assert checked(*pieces)[0] == checked("".join(pieces))[0]


def test_where_nothing_is_a_citation_nothing_is_looked_at():
    citations = Citations(0, checks=False)
    assert [citations.feed(piece) for piece in ('{"a":[', "7", "]} ")] == ['{"a":[', "7", "]} "]
    assert (citations.flush(), citations.stripped) == ("", 0)


def test_words_are_not_held_back():
    citations = Citations(1)
    assert citations.feed("Hello") == "Hello"
    assert citations.feed(" [1") == ""
    assert citations.feed("x") == " [1x"


def source(number: int, *, cited: bool, **more: object) -> dict[str, object]:
    return {"id": number, "file": "a.md", "cited": cited, **more}


def test_the_list_has_what_was_cited():
    rows = [source(1, cited=False), source(2, cited=True, page=3, section="A > B\nC")]
    assert listed(rows) == "\n\nSources:\n[2] a.md, page 3, A > B C"
    assert listed(rows[:1]) == "\n\nConsulted, not cited:\n[1] a.md"
    assert listed([]) == ""


def test_the_list_is_taken_off_again():
    rows = [source(1, cited=True), source(2, cited=True)]
    assert without_list("Answer." + listed(rows)) == "Answer."
    assert without_list("Sources:\n[1] mine") == "Sources:\n[1] mine"
    assert without_list("") == ""


def test_a_place_is_one_line():
    assert "\n" not in place(source(1, cited=True, section="a\n[2] b"))
