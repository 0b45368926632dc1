"""Which reader reads which file: told by the ending, checked by the first bytes."""

from __future__ import annotations

from importlib import import_module
from pathlib import PurePosixPath

from services.errors import Refused, Unsupported
from services.ingest import csvfile, markdown
from services.ingest.reading import Reader, Reading, plain


def _later(module: str) -> Reader:
    """A reader whose parser is loaded with the first file of its kind."""

    def read(name: str, data: bytes) -> Reading:
        reading: Reading = import_module(f"services.ingest.{module}").read(name, data)
        return reading

    return read


READERS: dict[str, Reader] = {
    ".txt": plain,
    ".text": plain,
    ".log": plain,
    ".md": markdown.read,
    ".markdown": markdown.read,
    ".csv": csvfile.read,
    ".tsv": csvfile.read,
    ".html": _later("html"),
    ".htm": _later("html"),
    ".xhtml": _later("html"),
    ".pdf": _later("pdf"),
    ".docx": _later("word"),
}

PDF, ZIP, OLE = "a PDF", "a Zip or Office file", "an encrypted or an old Office file"
_BEGINNINGS = (
    (b"%PDF-", PDF),
    (b"PK\x03\x04", ZIP),
    (b"\xd0\xcf\x11\xe0", OLE),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF87a", "a picture"),
    (b"GIF89a", "a picture"),
    (b"\x1f\x8b\x08", "a compressed file"),
    (b"7z\xbc\xaf", "a compressed file"),
    (b"\x7fELF", "a program"),
)
_EXPECTED = {".pdf": PDF, ".docx": ZIP}
_LEEWAY = 1024
"""Bytes that may stand before a PDF's mark."""


def reader_for(name: str, kind: str = "") -> Reader:
    """By the ending of the name, or by `kind`, an ending that is known otherwise.

    Raises:
        Unsupported: nothing reads such a file.
    """
    ending = ending_of(name, kind)
    if ending not in READERS:
        known = " ".join(sorted(READERS))
        raise Unsupported(f"{name}: a file of this kind can't be read; known are {known}")
    return READERS[ending]


def ending_of(name: str, kind: str = "") -> str:
    return kind or PurePosixPath(name.lower()).suffix


def check_beginning(name: str, data: bytes, kind: str = "") -> None:
    """Raises Refused for an empty file, and for one that is something else than it is named."""
    if not data:
        raise Refused(f"{name}: the file is empty")
    expected = _EXPECTED.get(ending_of(name, kind))
    found = next((what for mark, what in _BEGINNINGS if data.startswith(mark)), None)
    if expected == PDF and b"%PDF-" in data[:_LEEWAY]:
        found = PDF
    if found == expected:
        return
    told = f"by its first bytes it is {found}" if found else f"it does not begin as {expected}"
    raise Refused(f"{name}: the ending is wrong, or the file is broken: {told}")


def read(name: str, data: bytes, kind: str = "") -> Reading:
    """Raises Refused with one sentence for who sent the file."""
    reader = reader_for(name, kind)
    check_beginning(name, data, kind)
    return reader(name, data)
