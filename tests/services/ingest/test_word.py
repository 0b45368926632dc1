from __future__ import annotations

import contextlib
import io
import zipfile

import pytest
from services.errors import Refused
from services.ingest import word as module
from services.ingest.reading import Section
from services.ingest.word import read

from tests.services.documents import replaced, word

PART = "word/document.xml"
OPEN = (
    b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    b' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><w:body>'
)
CLOSE = b"</w:body></w:document>"


def of(body: bytes) -> bytes:
    return replaced(word(("Normal", "x")), PART, OPEN + body + CLOSE)


def text(body: bytes) -> str:
    [section] = read("a.docx", of(body)).sections
    return section.text


def test_a_section_for_each_heading():
    reading = read(
        "a.docx",
        word(
            ("Title", "The guide"),
            ("Normal", "Before."),
            ("Heading 1", "Start"),
            ("Normal", "One."),
            ("Normal", ""),
            ("List Bullet", "Two."),
            [["Name", "Age"], ["Anna", "7"]],
            ("Heading 2", "More"),
            ("Normal", "Three."),
            ("Heading 1", "End"),
        ),
    )
    assert reading.title == "The guide"
    assert reading.sections == [
        Section("Before.", ()),
        Section("One.\n\nTwo.\n\n| Name: Anna | Age: 7 |", ("Start",)),
        Section("Three.", ("Start", "More")),
    ]


def test_the_title_of_the_properties():
    assert read("a.docx", word(("Normal", "x"), title="Guide")).title == "Guide"


def test_what_stands_elsewhere_than_in_plain_runs():
    body = (
        b"<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/></w:r>"
        b"<w:ins><w:r><w:t>new</w:t></w:r></w:ins><w:del><w:r><w:delText>old</w:delText></w:r>"
        b"</w:del><w:hyperlink><w:r><w:t> link</w:t></w:r></w:hyperlink></w:p>"
        b"<w:sdt><w:sdtPr/><w:sdtContent><w:p><w:r><w:t>held</w:t></w:r></w:p></w:sdtContent>"
        b"</w:sdt>"
    )
    assert text(body) == "a\tb\nnew link\n\nheld"


def test_what_is_there_twice_is_read_once():
    box = b"<w:p><w:r><w:t>box</w:t></w:r></w:p>"
    body = (
        b"<w:p><w:r><mc:AlternateContent><mc:Choice Requires='wps'>%b</mc:Choice>"
        b"<mc:Fallback>%b</mc:Fallback></mc:AlternateContent></w:r></w:p>" % (box, box)
    )
    assert text(body) == "box"


def test_a_hundred_thousand_cells():
    row = b"<w:tr>%b</w:tr>" % (b"<w:tc><w:p><w:r><w:t>x</w:t></w:r></w:p></w:tc>" * 1000)
    assert text(b"<w:tbl>%b</w:tbl>" % (row * 100)).count("x") == 100_000


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04",
        word(("Normal", "x"))[:-300],
        replaced(word(("Normal", "x")), PART, b"<w:document"),
        replaced(word(("Normal", "x")), "[Content_Types].xml", b"<Types/>"),
        of(b"<w:p>" * 5000 + b"</w:p>" * 5000),
        of(b""),
    ],
)
def test_broken(data: bytes):
    with pytest.raises(Refused, match=r"^a.docx: "):
        read("a.docx", data)


def test_another_archive():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "x")
    with pytest.raises(Refused, match="no Word document"):
        read("a.docx", out.getvalue())


@pytest.mark.parametrize(("part", "size"), [(PART, 6), ("word/media/image1.png", 11)])
def test_a_bomb_is_not_unpacked(part: str, size: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LARGEST_XML", 5 * 2**20)
    monkeypatch.setattr(module, "MOST_UNPACKED", 10 * 2**20)
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(part, "w") as file,
    ):
        for _ in range(size):
            file.write(b" " * 2**20)
    assert len(out.getvalue()) < 2**16
    with pytest.raises(Refused, match="unpacked, the document would be too large"):
        read("a.docx", out.getvalue())


def test_entities_are_not_expanded():
    body = (
        b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
        + OPEN
        + b"<w:p><w:r><w:t>a&c;d</w:t></w:r></w:p>"
        + CLOSE
    )
    data = replaced(word(("Normal", "x")), PART, body)
    with contextlib.suppress(Refused):
        assert "root" not in read("a.docx", data).sections[0].text
