from __future__ import annotations

import contextlib

import pytest
from services.errors import Refused
from services.ingest.pdf import read
from services.ingest.reading import Section

from tests.services.documents import WRONG_PASSWORD, pdf


def test_a_section_for_each_page_with_text():
    reading = read("a.pdf", pdf([["First (page).", "Line two."], [], ["Third."]], title="Guide"))
    assert reading.sections == [
        Section("First (page).\nLine two.", (), 1),
        Section("Third.", (), 3),
    ]
    assert reading.title == "Guide"
    assert reading.metadata == {"pages": 3}


def test_the_dots_of_a_table_of_contents():
    [section] = read(
        "a.pdf", pdf([["1 Start . . . . . . . . 4", "2 End............9", "Wait..."]])
    ).sections
    assert section.text == "1 Start  4\n2 End 9\nWait..."


def test_bookmarks_are_headings():
    marks = [("Start", 0), ("Middle", 2)]
    reading = read("a.pdf", pdf([["One"], ["Two"], ["Three"]], bookmarks=marks))
    assert [section.path for section in reading.sections] == [("Start",), ("Start",), ("Middle",)]


def test_encrypted():
    with pytest.raises(Refused, match=r"^a.pdf: the PDF is encrypted"):
        read("a.pdf", pdf([["Secret"]], encryption=WRONG_PASSWORD))


@pytest.mark.parametrize(
    "data", [b"%PDF-1.7\n", b"%PDF-" + b"\0" * 5000, b"%PDF-1.4\ntrailer<</Root 1 0 R>>"]
)
def test_broken(data: bytes):
    with pytest.raises(Refused, match=r"^a.pdf: the PDF "):
        read("a.pdf", data)


def test_cut_off():
    whole = pdf([["Text of a page"]] * 20)
    for length in range(100, len(whole), 97):
        with contextlib.suppress(Refused):
            assert read("a.pdf", whole[:length]).sections


def test_without_text():
    with pytest.raises(Refused, match=r"has no text.*not recognised"):
        read("a.pdf", pdf([[], []]))


def test_ten_thousand_empty_pages():
    with pytest.raises(Refused, match="has no text"):
        read("a.pdf", pdf([[]] * 10_000))
