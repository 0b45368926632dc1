"""One fetch: list, what is small, a look whether the rest can be whole, the rest, gate, rename."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from launcher import gate, partial, ready, remote, room, sources
from launcher.errors import CannotRun, TryAgain
from launcher.partial import Part, Partial
from launcher.progress import Progress, bytes_done
from launcher.remote import Listing, Source
from launcher.transfer import Transfer, patiently

LOOKS_APART = 2.0
"""Seconds between two lists of a source that may still be filled."""
BLOCK = 1 << 20


class Gathering:
    def __init__(
        self,
        source: Source,
        named: sources.Named,
        progress: Progress,
        threads: int,
        limit: int | None,
    ) -> None:
        self._source = source
        self._named = named
        self._progress = progress
        self._threads = threads
        self._limit = limit

    def run(self) -> None:
        """Raises LauncherError, or OSError of the disk."""
        source, named = self._source, self._named
        listing = patiently(source, source.listing)
        files = remote.needed(listing.files)
        names = {file.name for file in files}
        self._whole(gate.lacking(names), listing)
        if both := remote.clash(names):
            raise CannotRun(
                f"{source.label} on {source.host} has a file {both} and files below {both}/, which "
                "no disk can hold: take one of them away"
            )
        before = _taken_back(named)
        if before and before.revision == listing.revision:
            partial.reopened(named.partial, files)
        place = Partial(named.partial, files)
        room.require(source.label, named.folder.parent, place.size, place.present, self._limit)
        with self._progress.step(f"fetching {source.label} from {source.host}") as tick:
            speed = Speed(place, tick)
            heavy = {*gate.weights(names)}
            self._transfer(place, speed, [p for p in place.parts if p.file.name not in heavy])
            for index in place.folder.glob("*.index.json"):
                self._whole(gate.index_faults(index, names), listing)
            self._transfer(place, speed, place.parts)
        with self._progress.step(f"checking {source.label}") as tick:
            self._verify(place, tick)
        self._whole(gate.faults(place.folder), listing)
        ready.write(place.folder, named.model, listing.revision)
        place.finish()
        place.rename(named.folder)

    def _transfer(self, place: Partial, speed: Speed, parts: Iterable[Part]) -> None:
        Transfer(self._source, place, self._threads).run(parts, speed.tell)

    def _verify(self, place: Partial, tick: Callable[[str], None]) -> None:
        """Against what the source says; what arrived damaged is fetched once more."""
        if damaged := _damaged(place, tick):
            Transfer(self._source, place, self._threads).run(damaged, lambda: tick(""))
            damaged = _damaged(place, tick)
        place.save()
        if damaged:
            raise TryAgain(
                f"{damaged[0].file.name} of {self._source.label} arrives damaged: its SHA-256 is "
                "not the one that was listed; is there a proxy that changes files?"
            )

    def _whole(self, faults: list[str], listing: Listing) -> None:
        """An upload that is under way is waited for elsewhere; one that broke off is told."""
        if not faults:
            return
        where = f"{self._source.label} on {self._source.host}"
        time.sleep(LOOKS_APART)
        if patiently(self._source, self._source.listing).revision != listing.revision:
            raise TryAgain(f"{where} is still being uploaded: {faults[0]}; start again later")
        raise CannotRun(f"{where} is not a complete model: {faults[0]}", faults[1:])


class Speed:
    """Tells how far it is, how fast, and how long that takes yet."""

    def __init__(self, place: Partial, tick: Callable[[str], None]) -> None:
        self._place = place
        self._tick = tick
        self._began = time.monotonic()
        self._at_first = place.present

    def tell(self) -> None:
        done, total = self._place.present, self._place.size
        pace = (done - self._at_first) / max(time.monotonic() - self._began, 0.001)
        text = f"{bytes_done(done, total)}, {pace / 1e6:.1f} MB/s"
        if pace:
            seconds = (total - done) / pace
            text += f", {seconds / 60:.0f} min left" if seconds > 90 else f", {seconds:.0f} s left"
        self._tick(text)


def _taken_back(named: sources.Named) -> ready.Note | None:
    """A folder that was ready and has lost something becomes the partial one again."""
    if not named.folder.exists():
        return None
    note = ready.read(named.folder)
    if note is None:
        faults = gate.faults(named.folder) or [f"{ready.NAME} can't be read"]
        raise CannotRun(
            f"{named.folder} is not a complete model and was not fetched: move it away", faults
        )
    shutil.rmtree(named.partial, ignore_errors=True)
    named.folder.rename(named.partial)
    partial.sync_folder(named.folder.parent)
    return note


def _damaged(place: Partial, tick: Callable[[str], None]) -> list[Part]:
    found = []
    for part in place.parts:
        if not part.file.sha256 or part.state.checked:
            continue
        part.state.checked = _sha256(part.path, tick) == part.file.sha256
        if not part.state.checked:
            part.forget()
            found.append(part)
    return found


def _sha256(path: Path, tick: Callable[[str], None]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            tick(path.name)
    return digest.hexdigest()
