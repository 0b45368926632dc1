"""Documents for the tests, made here byte by byte."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import docx

WRONG_PASSWORD = b"<</Filter/Standard/V 1/R 2/P -4/O(%b)/U(%b)>>" % (b"o" * 32, b"u" * 32)


def pdf(
    pages: Sequence[Sequence[str]],
    title: str = "",
    bookmarks: Sequence[tuple[str, int]] = (),
    encryption: bytes = b"",
) -> bytes:
    """A PDF whose pages have these lines; `bookmarks`: title and number of a page from 0."""
    objects: list[bytes] = []

    def add(content: bytes) -> bytes:
        objects.append(content)
        return b"%d 0 R" % len(objects)

    font = add(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>")
    parent = b"%d 0 R" % (2 + 2 * len(pages))
    kids = []
    for lines in pages:
        told = b" ".join(b"(%b) Tj T*" % escaped(line) for line in lines)
        content = b"BT /F 12 Tf 14 TL 72 720 Td %b ET" % told if lines else b""
        stream = add(b"<</Length %d>>stream\n%b\nendstream" % (len(content), content))
        kids.append(
            add(
                b"<</Type/Page/Parent %b/MediaBox[0 0 612 792]/Contents %b"
                b"/Resources<</Font<</F %b>>>>>>" % (parent, stream, font)
            )
        )
    root = add(b"<</Type/Pages/Count %d/Kids[%b]>>" % (len(kids), b" ".join(kids)))
    assert root == parent
    outline = b""
    if bookmarks:
        first = len(objects) + 2
        last = first + len(bookmarks) - 1
        outlines = add(b"<</Type/Outlines/First %d 0 R/Last %d 0 R>>" % (first, last))
        for number, (name, page) in enumerate(bookmarks, first):
            following = b"/Next %d 0 R" % (number + 1) if number < last else b""
            dest = b"[%b /Fit]" % kids[page]
            add(b"<</Title(%b)/Parent %b/Dest %b%b>>" % (escaped(name), outlines, dest, following))
        outline = b"/Outlines %b" % outlines
    catalog = add(b"<</Type/Catalog/Pages %b%b>>" % (parent, outline))
    info = add(b"<</Title(%b)>>" % escaped(title))
    more = b"/Encrypt %b/ID[<00><00>]" % add(encryption) if encryption else b""
    return written(objects, b"/Root %b/Info %b%b" % (catalog, info, more))


def written(objects: Sequence[bytes], trailer: bytes) -> bytes:
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%b\nendobj\n" % (number, content))
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer<</Size %d%b>>\n" % (len(objects) + 1, trailer))
    out.write(b"startxref\n%d\n%%%%EOF\n" % table)
    return out.getvalue()


def escaped(text: str) -> bytes:
    data = text.encode("cp1252")
    return data.replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")


def word(*blocks: tuple[str, str] | list[list[str]], title: str = "") -> bytes:
    """A DOCX of (style, text) and tables."""
    document = docx.Document()
    document.core_properties.title = title
    for block in blocks:
        if isinstance(block, tuple):
            document.add_paragraph(block[1], style=block[0])
            continue
        table = document.add_table(len(block), len(block[0]))
        for row, cells in zip(table.rows, block, strict=True):
            for cell, text in zip(row.cells, cells, strict=True):
                cell.text = text
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def replaced(archive: bytes, part: str, content: bytes) -> bytes:
    """The archive with another content of one part; a new part, if it has none of this name."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            if name != part:
                new.writestr(name, old.read(name))
        new.writestr(part, content)
    return out.getvalue()
