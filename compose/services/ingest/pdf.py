"""PDF: a section for each page, below the bookmarks that lead to it.

Only the text that is in the file: pages that are pictures have none, and nothing here recognises
letters in them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pypdfium2 as pdfium  # type: ignore[import-untyped]

from services.errors import Refused
from services.ingest.reading import Reading, Section

_MOST_BOOKMARKS = 5000
_DEPTH = 4
_ENCRYPTED = (4, 5)
"""FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY: a way to encrypt that PDFium doesn't know."""
_LEADERS = re.compile(r"\.[ .]{5,}")
"""Between a heading and its page in a table of contents."""
_HYPHENATED = re.compile("[\\x02\\xad\ufffe]\\s*")
"""Marks that PDFium leaves where a word was parted at the end of a line."""


def read(name: str, data: bytes) -> Reading:
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if error.err_code in _ENCRYPTED:
            raise Refused(f"{name}: the PDF is encrypted; save it without a password") from None
        raise Refused(f"{name}: the PDF is broken") from None
    try:
        return reading(name, document)
    finally:
        document.close()


def reading(name: str, document: pdfium.PdfDocument) -> Reading:
    paths = bookmarks(document)
    sections: list[Section] = []
    path: tuple[str, ...] = ()
    broken = 0
    for number in range(len(document)):
        path = paths.get(number, path)
        try:
            text = page_text(document, number)
        except pdfium.PdfiumError:
            broken += 1
            continue
        if text:
            sections.append(Section(text, path, number + 1))
    if not sections:
        raise Refused(
            f"{name}: the PDF has no text; its pages may be pictures, and letters in pictures"
            " are not recognised here"
        )
    remark = f"{broken} of {len(document)} pages could not be read" if broken else ""
    metadata = {"pages": len(document)}
    return Reading("pdf", sections, title_of(document), metadata, remark)


def page_text(document: pdfium.PdfDocument, number: int) -> str:
    page = document[number]
    try:
        text_page = page.get_textpage()
        try:
            text = str(text_page.get_text_range())
        finally:
            text_page.close()
    finally:
        page.close()
    text = _HYPHENATED.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _LEADERS.sub(" ", text).strip()


def title_of(document: pdfium.PdfDocument) -> str:
    return str(document.get_metadata_value("Title")).strip()


def bookmarks(document: pdfium.PdfDocument) -> dict[int, tuple[str, ...]]:
    """Page → the bookmarks it stands below: of those that lead to it, the first."""
    found: dict[int, tuple[str, ...]] = {}
    path: list[str] = []
    for level, title, page in _outline(document):
        path[level:] = [title]
        if page is not None:
            found.setdefault(page, tuple(path))
    return found


def _outline(document: pdfium.PdfDocument) -> Iterator[tuple[int, str, int | None]]:
    try:
        for mark in itertools.islice(document.get_toc(max_depth=_DEPTH), _MOST_BOOKMARKS):
            place = mark.get_dest()
            yield mark.level, mark.get_title(), None if place is None else place.get_index()
    except pdfium.PdfiumError:
        return
