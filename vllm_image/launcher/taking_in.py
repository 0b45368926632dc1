"""The folder's files into the store, one after another, and out of it what left the folder."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from launcher import documents, upload, web
from launcher.documents import File, Found
from launcher.errors import CannotRun
from launcher.ports import Address
from launcher.progress import Progress

MOST_TOLD = 10


class TakingIn:
    """`note` remembers between two starts which names came from the folder: what was put in
    by other ways stays."""

    def __init__(
        self, server: Address, note: Path, alive: Callable[[], None], progress: Progress
    ) -> None:
        """`alive` raises when the services have ended."""
        self._server = server
        self._note = note
        self._alive = alive
        self._progress = progress

    def take(self, found: Found, folder: Path) -> None:
        """Raises CannotRun when not one file could be taken in."""
        names = {file.name for file in found.files}
        before = self._noted()
        self._write(before | names)  # first: should this be interrupted, nothing is forgotten
        ends: Counter[str] = Counter()
        faults = [f"{name}: {why}" for name, why in found.closed.items()]
        with self._progress.step(f"taking in {_files(len(names))} from {folder}") as tick:
            for number, file in enumerate(found.files, 1):
                where = f"{number} of {len(names)}, {file.name}"
                end, fault = self._one(file, where, tick)
                ends[end] += 1
                faults += [fault] if fault else []
            kept = {name for name in before - names if found.may_have(name)}
            kept |= self._forget(sorted(before - names - kept), ends)
        self._write(names | kept)
        self._tell(ends, faults, documents.told(found.others))
        if ends["failed"] == len(names):
            raise CannotRun(f"not one file of {folder} could be taken in")

    def _one(self, file: File, where: str, tick: Callable[[str], None]) -> tuple[str, str]:
        """How it ended, and why if it failed."""
        step: dict[str, Any] = {}
        try:
            with file.path.open("rb") as data:
                for step in upload.steps(self._server, file.name, data):
                    tick(where + _far(step))
        except OSError as error:
            return "failed", f"{file.name}: {error.strerror or error}"
        except web.NoAnswer as error:
            self._alive()
            return "failed", f"{file.name}: {error}"
        return step["stage"], step.get("error") or ""

    def _forget(self, names: Iterable[str], ends: Counter[str]) -> set[str]:
        """Those that could not be removed: the next start tries again."""
        left = set()
        for name in names:
            try:
                ends["removed"] += upload.forget(self._server, name)
            except web.NoAnswer as error:
                self._alive()
                self._progress.say(f"{name} left the folder and is still in the store: {error}")
                left.add(name)
        return left

    def _tell(self, ends: Counter[str], faults: list[str], others: str) -> None:
        for fault in faults[:MOST_TOLD]:
            self._progress.say(f"left out: {fault}")
        if len(faults) > MOST_TOLD:
            self._progress.say(f"left out: {len(faults) - MOST_TOLD} more")
        if others:
            self._progress.say(others)
        kinds = ("added", "replaced", "unchanged", "removed")
        told = ", ".join(f"{ends[kind]} {kind}" for kind in kinds if ends[kind])
        self._progress.say(f"documents: {told}" if told else "documents: none")

    def _noted(self) -> set[str]:
        with suppress(OSError, ValueError):
            names = json.loads(self._note.read_text("utf-8"))
            if isinstance(names, list):
                return {name for name in names if isinstance(name, str)}
        return set()

    def _write(self, names: set[str]) -> None:
        self._note.parent.mkdir(parents=True, exist_ok=True)
        draft = self._note.with_suffix(".part")
        draft.write_text(json.dumps(sorted(names)), "utf-8")
        draft.replace(self._note)


def _far(step: dict[str, object]) -> str:
    passages, done = step.get("passages"), step.get("done")
    return f", {done} of {passages} passages" if passages else ""


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
