"""Passages as hashes, and questions as the Query Engine reads them."""

from __future__ import annotations

import numpy as np
import pytest
from services.store.faults import StoreFault
from services.store.model import Document, NewPassage, Passage
from services.store.redis_passages import (
    NOTHING,
    among,
    any_tag,
    asked_words,
    halves,
    id_of,
    mark,
    passage_of,
    row_of,
    stored,
    tags_of,
    uncounted,
    vector_of,
    words,
)

DOCUMENT = Document("a.md", "d", metadata={"team": "red", "pages": 3, "gone": None, "name": "x"})
NEW = NewPassage("The Cats", "Häuser", {"page": 3}, "k")


def test_a_passage_there_and_back():
    id, *fields = row_of(7, 9, DOCUMENT, "tags", NEW)
    row = dict(zip(fields[::2], fields[1::2], strict=True))
    assert row[b"words"] == "häuser the cat".encode()
    assert row[b"document"] == b"7"
    names = (b"name", b"position", b"text", b"header", b"key", b"metadata")
    told = [str(id).encode(), *(row[name] for name in names)]
    passage = Passage(9, "a.md", 1, "The Cats", "Häuser", "k", {"page": 3})
    assert passage_of(told) == passage  # type: ignore[arg-type]


def test_what_is_no_text_is_refused():
    with pytest.raises(StoreFault, match="null"):
        row_of(7, 9, DOCUMENT, "", NewPassage("x", "", {}, None))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Don't-stop, EVER!", "don t stop ever"),
        ("a\0b\u2028c_d", "a b c_d"),
        ("--", ""),
        ("Cats sleeping", "cat sleep"),
        ("is s as Its biology", "is s as it biolog"),
        ("q" * 129, "q" * 128),
        ("q" * 124 + "running" * 10**6, "q" * 124 + "runn"),
        ("a" + "é" * 64, "a" + "é" * 63),
    ],
)
def test_words(text: str, found: str):
    assert words(text) == found


def test_half_a_character_is_stored_as_a_question_mark():
    assert stored("a\ud800b") == b"a?b"


def test_marks_have_nothing_to_be_escaped():
    assert mark("name", "a|b}*").isalnum()
    assert mark("a", "b") != mark("ab", "") != mark("", "ab")


def test_filters_find_the_marks_of_a_document():
    tags = tags_of(DOCUMENT).split(",")
    assert tags == [mark("name", "a.md"), mark("team", "red"), mark("pages", "3")]
    query = among({"name": ["a.md", "b.md"], "pages": ["3"]})
    assert query == f"@tags:{{{tags[0]}|{mark('name', 'b.md')}}} @tags:{{{tags[2]}}}"
    assert among(None) == among({}) == ""
    assert among({"team": []}) == any_tag("mark", []) == NOTHING


def test_a_filter_that_scores_know_nothing_of():
    assert uncounted("@tags:{a}") == "(@tags:{a} @tags:{a})=>{$weight:0}"
    assert uncounted("") == ""


def test_a_question_is_all_parameters():
    assert asked_words("Where -is- @the {CAT|dogs|cats}?") == ["w0", b"cat", "w1", b"dog"]
    assert asked_words("?!") == []


def test_vectors_are_kept_in_half_precision():
    [half] = halves(np.array([[0.6, 0.8]], np.float32))
    assert len(half) == 4
    assert np.allclose(vector_of(half), [0.6, 0.8], atol=1e-3)


def test_the_number_in_a_key():
    assert id_of(b"rag:passage:12:345") == 345
