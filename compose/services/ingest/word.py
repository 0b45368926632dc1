"""DOCX: a section for each heading; a table's rows with their columns' names.

Read are the text, its tables and its text boxes, insertions that are tracked, too. Left out are
headers and footers, notes, comments, and deletions.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import docx
from docx.opc.exceptions import OpcError
from docx.oxml.ns import qn
from lxml import etree  # type: ignore[import-untyped]

from services.errors import Refused
from services.ingest.reading import Reading, Section
from services.ingest.tables import rows_told

MOST_UNPACKED = 400 * 2**20
_MOST_PARTS = 5000
LARGEST_XML = 100 * 2**20
_HEADING = re.compile(r"heading (\d)", re.I)
_PARAGRAPH, _TABLE, _ROW, _CELL = qn("w:p"), qn("w:tbl"), qn("w:tr"), qn("w:tc")
_TEXT, _TAB, _STYLE = qn("w:t"), qn("w:tab"), qn("w:pStyle")
_BREAKS = frozenset((qn("w:br"), qn("w:cr")))
_PROPERTIES = frozenset((qn("w:pPr"), qn("w:rPr"), qn("w:tblPr"), qn("w:sectPr")))
_BROKEN: tuple[type[Exception], ...] = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OpcError),
    *(LookupError, ValueError, AttributeError, TypeError, NotImplementedError),
)
"""What the packages raise where a part is missing, cut off, or of another kind."""
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_VALUE = qn("w:val")


def read(name: str, data: bytes) -> Reading:
    try:
        refuse_bomb(name, data)
        document = docx.Document(io.BytesIO(data))
        return _reading(name, document)
    except _BROKEN:
        raise Refused(f"{name}: the file is broken, or no Word document") from None
    except etree.XMLSyntaxError:
        raise Refused(f"{name}: the document is broken, or nested too deeply") from None


def refuse_bomb(name: str, data: bytes) -> None:
    """By what the archive says of its parts: more than that is never unpacked of one.

    Raises:
        Refused: it is encrypted, or unpacked it would be too large.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
    if any(part.flag_bits & 1 for part in parts):
        raise Refused(f"{name}: the document is encrypted")
    largest = max((p.file_size for p in parts if p.filename.endswith((".xml", ".rels"))), default=0)
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > _MOST_PARTS or unpacked > MOST_UNPACKED or largest > LARGEST_XML:
        raise Refused(f"{name}: unpacked, the document would be too large ({unpacked} bytes)")


def _reading(name: str, document: Any) -> Reading:
    body = document.element.body
    # What a text box holds is there twice: for programs that know it, and for those that don't.
    etree.strip_elements(body, _FALLBACK, with_tail=False)
    levels = heading_levels(document)
    title = str(document.core_properties.title or "").strip()
    path: list[tuple[int, str]] = []
    sections: list[Section] = []
    held: list[str] = []

    def close() -> None:
        text = "\n\n".join(held).strip()
        if text:
            sections.append(Section(text, tuple(heading for _, heading in path)))
        held.clear()

    for element in blocks(body):
        if element.tag == _TABLE:
            held += filter(None, ["\n".join(rows_told(rows_of(element)))])
            continue
        text, level = text_in(element).strip(), levels.get(style_of(element))
        if not text:
            continue
        if level is None:
            held.append(text)
        elif level == 0:
            title = title or text
        else:
            close()
            path[:] = [*(one for one in path if one[0] < level), (level, text)]
    close()
    if not sections:
        raise Refused(f"{name}: there is no text in this document")
    return Reading("docx", sections, title)


def heading_levels(document: Any) -> dict[str, int]:
    """A style's id → 1 to 9 for a heading, 0 for the title. Names are English in every file."""
    found = {}
    for style in document.styles:
        match = _HEADING.fullmatch(style.name or "")
        if match or style.name == "Title":
            found[style.style_id] = int(match[1]) if match else 0
    return found


def blocks(element: Any) -> Iterator[Any]:
    """Paragraphs and tables in their order, those in content controls, too."""
    left = [iter(element)]
    while left:
        child = next(left[-1], None)
        if child is None:
            left.pop()
        elif child.tag in (_PARAGRAPH, _TABLE):
            yield child
        elif child.tag not in _PROPERTIES:
            left.append(iter(child))


def rows_of(table: Any) -> Iterator[list[str]]:
    """A table within is text of its cell."""
    for row in table.iterchildren(_ROW):
        yield [text_in(cell) for cell in row.iterchildren(_CELL)]


def text_in(element: Any) -> str:
    parts = []
    for node in element.iter():
        if node.tag == _TEXT:
            parts.append(node.text or "")
        elif node.tag == _TAB and node.getparent().tag != qn("w:tabs"):
            parts.append("\t")
        elif node.tag in _BREAKS or (node.tag == _PARAGRAPH and parts):
            parts.append("\n")
    return "".join(parts)


def style_of(paragraph: Any) -> str:
    found = paragraph.find(f"{qn('w:pPr')}/{_STYLE}")
    return "" if found is None else str(found.get(_VALUE, ""))
