"""Which files of the folder in DOCS are taken in, and what each is called there."""

from __future__ import annotations

import hashlib
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
LONGEST = 200
"""Characters of a name that the services keep."""


@dataclass(frozen=True)
class File:
    path: Path
    name: str
    """No other file's, and one that the services keep as it is."""


@dataclass(frozen=True)
class Found:
    files: list[File]
    others: Counter[str]
    """Files that nobody reads, by their endings."""
    closed: dict[str, str]
    """Folders that could not be looked into, by their names, and why."""

    def may_have(self, name: str) -> bool:
        """Whether a file of this name can be in a folder that could not be looked into."""
        cut = len(name) > LONGEST - 10  # its beginning may be gone, and blanks at either end
        return any(cut or name.startswith(folder + BETWEEN) for folder in self.closed)


def find(folder: Path) -> Found:
    """Hidden files and folders are left out; links to folders are not followed.

    Raises:
        CannotRun: there is nothing to take in.
    """
    if not folder.is_dir():
        raise CannotRun(f"DOCS names a folder that is not there: {folder}")
    paths: list[Path] = []
    others: Counter[str] = Counter()
    closed: dict[str, str] = {}

    def unreadable(error: OSError) -> None:
        why = error.strerror or str(error)
        if Path(error.filename) == folder:
            raise CannotRun(f"DOCS: {folder} can't be read: {why}")
        closed[name_of(Path(error.filename).relative_to(folder))] = why

    for place, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = Path(place, name)
            if not _is_file(path):  # a link to nothing, a pipe that would be waited for
                continue
            if path.suffix.lower() in KINDS:
                paths.append(path)
            else:
                others[path.suffix.lower() or name] += 1
    if not paths:
        known = "".join(f"; {name} can't be read: {why}" for name, why in closed.items())
        known += f"; known are {' '.join(sorted(KINDS))}"
        raise CannotRun(f"DOCS names a folder without a file to take in: {folder}{known}")
    return Found(_named(paths, folder), others, closed)


def name_of(relative: Path) -> str:
    """Documents have no folders, so that theirs are part of the name: `guides - start.md`.

    What the services would leave out of a name, as it would spoil a list, is left out here: the
    name under which a document is kept is the one under which it can be deleted.
    """
    text = os.fsencode(relative).decode(errors="replace")
    flat = text.replace("/", BETWEEN).replace("\\", BETWEEN)
    blank = "".join(" " if character.isspace() else character for character in flat)
    return "".join(filter(str.isprintable, blank)).strip()[-LONGEST:].strip()


def _named(paths: list[Path], folder: Path) -> list[File]:
    """Those that would have one name are told apart by a mark made from where they are."""
    relative = [path.relative_to(folder) for path in paths]
    names = [name_of(path) for path in relative]
    count = Counter(names)
    files = []
    for path, below, name in zip(paths, relative, names, strict=True):
        if count[name] > 1:
            start, ending = os.path.splitext(name)
            mark = hashlib.sha256(os.fsencode(below)).hexdigest()[:8]
            name = f"{start} ({mark}){ending}"[-LONGEST:].strip()
        files.append(File(path, name))
    return files


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # nor can it be opened: it is told then
        return True


def told(others: Counter[str]) -> str:
    """`3 files of other kinds are left out: .png (2), .py`; empty without any."""
    if not others:
        return ""
    kinds = [kind if count == 1 else f"{kind} ({count})" for kind, count in others.most_common(8)]
    more = ", ..." if len(others) > len(kinds) else ""
    number = sum(others.values())
    files = "1 file of another kind is" if number == 1 else f"{number} files of other kinds are"
    return f"{files} left out: {', '.join(kinds)}{more}"
