"""Which reader reads which file."""

from __future__ import annotations

from pathlib import PurePosixPath

from services.errors import Unsupported
from services.ingest import markdown
from services.ingest.reading import Reader, plain

READERS: dict[str, Reader] = {
    ".txt": plain,
    ".text": plain,
    ".log": plain,
    ".md": markdown.read,
    ".markdown": markdown.read,
}


def reader_for(name: str) -> Reader:
    """By the ending of the name.

    Raises:
        Unsupported: nothing reads such a file.
    """
    ending = PurePosixPath(name.lower()).suffix
    if ending not in READERS:
        known = " ".join(sorted(READERS))
        raise Unsupported(f"{name}: a file of this kind can't be read; known are {known}")
    return READERS[ending]
