from __future__ import annotations

import pytest
from services.errors import Refused, Unsupported
from services.ingest.kinds import READERS, read, reader_for
from services.ingest.reading import plain

from tests.services.documents import pdf, word

PDF = pdf([["Hello"]])


def test_by_the_ending():
    assert reader_for("A.TXT") is plain
    for name in ("a.exe", "a", ".md"):
        with pytest.raises(Unsupported, match=r"known are .*\.docx .*\.pdf"):
            reader_for(name)


def test_or_by_what_is_known_otherwise():
    assert read("http://a/b?c.txt", PDF, ".pdf").kind == "pdf"


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.txt", PDF, "it is a PDF"),
        ("a.html", b"\x89PNG\r\n", "it is a picture"),
        ("a.csv", b"PK\x03\x04", "it is a Zip or Office file"),
        ("a.md", b"\x1f\x8b\x08\0", "it is a compressed file"),
        ("a.pdf", b"Hello", "does not begin as a PDF"),
        ("a.pdf", b"PK\x03\x04", "it is a Zip or Office file"),
        ("a.docx", PDF, "it is a PDF"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1", "it is an encrypted or an old Office file"),
        ("a.docx", b"Hello", "does not begin as a Zip or Office file"),
    ],
)
def test_a_wrong_ending_is_told(name: str, data: bytes, told: str):
    with pytest.raises(Refused, match=f"^{name}: the ending is wrong, .*{told}"):
        read(name, data)


@pytest.mark.parametrize("ending", READERS)
def test_an_empty_file_is_told(ending: str):
    with pytest.raises(Refused, match="the file is empty"):
        read(f"a{ending}", b"")


def test_each_kind():
    files = {
        "a.pdf": PDF,
        "a.docx": word(("Normal", "Hello")),
        "a.htm": b"<p>Hello",
        "a.csv": b"a,b\nHello,1\n",
        "a.tsv": b"a\tb\nHello\t1\n",
        "a.md": b"# T\n\nHello",
        "a.log": b"Hello",
    }
    kinds = ["pdf", "docx", "html", "csv", "csv", "markdown", "text"]
    readings = [read(name, data) for name, data in files.items()]
    assert [reading.kind for reading in readings] == kinds
    assert all("Hello" in reading.sections[0].text for reading in readings)


def test_a_pdf_may_have_something_before_it():
    assert read("a.pdf", b"\r\n\r\n" + PDF).kind == "pdf"
