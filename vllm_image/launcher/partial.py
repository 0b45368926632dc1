"""A folder that a model is gathered in, and what is known of it, so that the next start goes on.

The files in it have their whole length from the first byte on, with holes for what is to come;
which parts are there is told by .fetch.json:

    {"files": {"config.json": {"size": 651, "identity": "...", "etag": "...", "done": {"0": 651}}}}

`done` maps where a piece begins to how many of its bytes are there. It is written after the bytes
are on the disk, so that it never says too much, whatever ends this process or this machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from launcher import ready
from launcher.remote import File

NAME = ".fetch.json"


class Changed(Exception):
    """What comes now is not the file that was begun."""


@dataclass
class State:
    size: int
    identity: str
    etag: str = ""
    done: dict[str, int] = field(default_factory=dict)
    checked: bool = False
    """Against its sha256."""

    @property
    def present(self) -> int:
        return sum(self.done.values())


class Part:
    """One file of the folder. Pieces of it are written by several threads."""

    def __init__(self, path: Path, file: File, state: State) -> None:
        self.file = file
        self.path = path
        self.state = state
        self.whole = False
        """Whether it has to come in one go: the source gives no pieces, or changed it."""
        self.restarts = 0
        self._lock = threading.Lock()
        self._handle = -1

    def done(self, start: int) -> int:
        return self.state.done.get(str(start), 0)

    def complete(self) -> bool:
        return self.state.present >= self.file.size

    def agree(self, turn: int, etag: str) -> None:
        """Raises Changed when another answer for the same file had another ETag."""
        with self._lock:
            if turn != self.restarts or (self.state.etag and etag and self.state.etag != etag):
                raise Changed
            self.state.etag = etag or self.state.etag

    def write(self, turn: int, start: int, data: bytes) -> None:
        """Behind what the piece at `start` has already. Raises Changed when it was begun anew."""
        with self._lock:
            if turn != self.restarts:
                raise Changed
            position = start + self.done(start)
            os.pwrite(self._open(), data, position)
            self.state.done[str(start)] = position - start + len(data)

    def restart(self, turn: int) -> bool:
        """False when another thread was faster."""
        with self._lock:
            if turn != self.restarts:
                return False
            self.restarts += 1
            self.forget()
            return True

    def forget(self) -> None:
        self.state.done.clear()
        self.state.etag = ""
        self.state.checked = False
        self.whole = True

    def create(self) -> None:
        """Also an empty file is one."""
        with self._lock:
            self._open()

    def sync(self) -> State:
        """Puts on the disk what was written, and says what that is."""
        with self._lock:
            copy, handle = replace(self.state, done=dict(self.state.done)), self._handle
        if handle >= 0:  # outside of the lock: the others go on writing
            os.fdatasync(handle)
        return copy

    def close(self) -> None:
        with self._lock:
            if self._handle >= 0:
                os.fsync(self._handle)
                os.close(self._handle)
            self._handle = -1

    def _open(self) -> int:
        if self._handle < 0:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            os.ftruncate(self._handle, self.file.size)
        return self._handle


class Partial:
    """The folder. Files that the source doesn't have, or has otherwise now, are dropped."""

    def __init__(self, folder: Path, files: Iterable[File]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        known = _states(folder / NAME)
        self.parts = [self._part(file, known.get(file.name)) for file in files]
        kept = {part.path for part in self.parts if part.state.done}
        for path in [path for path in folder.rglob("*") if not path.is_dir()]:
            if path not in kept and path.name != NAME:
                path.unlink()

    def save(self) -> None:
        states = {part.file.name: asdict(part.sync()) for part in self.parts}
        ready.save(self.folder / NAME, {"files": states})

    def finish(self) -> None:
        """Everything on the disk. What is noted stays until the folder has its final name."""
        for part in self.parts:
            part.close()
        for folder in {self.folder, *(part.path.parent for part in self.parts)}:
            sync_folder(folder)

    def rename(self, final: Path) -> None:
        self.folder.rename(final)
        sync_folder(final.parent)
        with contextlib.suppress(FileNotFoundError):
            (final / NAME).unlink()

    @property
    def present(self) -> int:
        return sum(part.state.present for part in self.parts)

    @property
    def size(self) -> int:
        return sum(part.file.size for part in self.parts)

    def _part(self, file: File, state: State | None) -> Part:
        path = self.folder / file.name
        same = state and (state.size, state.identity) == (file.size, file.identity)
        if state is None or not same or not _has_size(path, file.size):
            state = State(file.size, file.identity)
        return Part(path, file, state)


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def reopened(folder: Path, files: Iterable[File]) -> None:
    """Notes that a folder which was finished once has these files whole."""
    states = {
        file.name: asdict(State(file.size, file.identity, done={"0": file.size}))
        for file in files
        if _has_size(folder / file.name, file.size)
    }
    ready.save(folder / NAME, {"files": states})


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _states(path: Path) -> dict[str, State]:
    """Nothing when the file is missing or damaged: then all of it is fetched again."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {name: State(**row) for name, row in rows.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
