"""Which files of the folder in DOCS are taken in, and what each is called there."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from launcher.errors import CannotRun

_SHEETS, _PAGES = {".csv", ".tsv"}, {".htm", ".html", ".xhtml", ".pdf", ".docx"}
_TEXTS = {".log", ".markdown", ".md", ".text", ".txt"}
KINDS = frozenset(_SHEETS | _PAGES | _TEXTS)
"""What the services can read."""
BETWEEN = " - "


@dataclass(frozen=True)
class File:
    path: Path
    name: str
    """Documents have no folders, so that theirs are part of the name: `guides - start.md`."""


@dataclass(frozen=True)
class Found:
    files: list[File]
    others: Counter[str]
    """Files that nobody reads, by their endings."""


def find(folder: Path) -> Found:
    """Hidden files and folders are left out; links to folders are not followed.

    Raises:
        CannotRun: there is nothing to take in.
    """
    if not folder.is_dir():
        raise CannotRun(f"DOCS names a folder that is not there: {folder}")
    files: list[File] = []
    others: Counter[str] = Counter()
    for place, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = Path(place, name)
            if not path.is_file():  # a link to nothing, a pipe that would be waited for
                continue
            if path.suffix.lower() in KINDS:
                files.append(File(path, BETWEEN.join(path.relative_to(folder).parts)))
            else:
                others[path.suffix.lower() or name] += 1
    if not files:
        known = " ".join(sorted(KINDS))
        raise CannotRun(
            f"DOCS names a folder without a file to take in: {folder}; known are {known}"
        )
    return Found(files, others)


def told(others: Counter[str]) -> str:
    """`3 files of other kinds are left out: .png (2), .py`; empty without any."""
    if not others:
        return ""
    kinds = [kind if count == 1 else f"{kind} ({count})" for kind, count in others.most_common(8)]
    more = ", ..." if len(others) > len(kinds) else ""
    number = sum(others.values())
    files = "1 file of another kind is" if number == 1 else f"{number} files of other kinds are"
    return f"{files} left out: {', '.join(kinds)}{more}"


def _unreadable(error: OSError) -> None:
    raise CannotRun(f"DOCS: {error.filename} can't be read: {error.strerror}")
