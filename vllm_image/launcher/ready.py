"""Where a model's folder is, and whether it may be served from there.

A fetched model has a file .ready.json, written last and before the folder gets its final name:

    {"source": "org/name", "revision": "40 hex digits", "files": {"config.json": 651, ...}}

A folder that somebody else filled has none, and is judged by the gate.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from launcher import gate, sources

NAME = ".ready.json"


@dataclass(frozen=True)
class Note:
    source: str
    revision: str
    files: dict[str, int]
    """Size of every file by its path below the folder."""


def folder_of(environ: Mapping[str, str]) -> Path:
    """Raises CannotRun when the environment names no model."""
    return sources.named(environ).folder


def ready(folder: Path) -> bool:
    note = read(folder)
    if note is None:
        return not (folder / NAME).exists() and not gate.faults(folder)
    wrong = [name for name, size in note.files.items() if _size(folder / name) != size]
    return bool(note.files) and not wrong


def read(folder: Path) -> Note | None:
    """None when there is none that can be read."""
    try:
        value = json.loads((folder / NAME).read_text(encoding="utf-8"))
        return Note(str(value["source"]), str(value["revision"]), dict(value["files"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(folder: Path, source: str, revision: str) -> None:
    """For the files that are there now, hidden ones apart."""
    found = {name: size for name, size in gate.files(folder).items() if name[0] != "."}
    save(folder / NAME, asdict(Note(source, revision, dict(sorted(found.items())))))


def save(path: Path, value: object) -> None:
    """JSON, whole or not at all, on the disk when this returns."""
    draft = path.with_name(path.name + ".tmp")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
