"""`launcher fetch`: puts the model that the environment names into its folder, whole or not at all.

    MODELS_DIR/NAME.partial     while it comes; the next start goes on from there
    MODELS_DIR/NAME             after the gate, everything on the disk; with .ready.json

A model that is there already is not asked about anywhere. A mounted folder is served in place.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType

from launcher import accounts, gate, ready, room, settings, sources
from launcher.errors import CannotRun, Interrupted, LauncherError, TryAgain
from launcher.gathering import Gathering
from launcher.hub_source import HubSource
from launcher.processes import ENDING
from launcher.progress import Progress
from launcher.remote import Source
from launcher.s3_source import S3Source
from launcher.s3_source import read as s3_settings

LOOKS_APART = 2.0
"""Seconds between two looks at a folder that somebody else may be filling."""
LOCK_EVERY = 0.5


def run(environ: Mapping[str, str]) -> int:
    """0, or raises LauncherError (78: change something, 75: later) or Interrupted."""
    named = sources.named(environ)
    progress = Progress()
    if named.kind == "folder":
        _in_place(named.folder)
    elif not ready.ready(named.folder):
        with _endings(named, progress):
            _fetch(named, environ, progress)
    progress.say(f"ready: {named.folder}")
    return 0


def _in_place(folder: Path) -> None:
    """Nothing is written: it may be mounted read-only."""
    if not folder.is_dir():
        raise CannotRun(f"MODEL names a folder that is not there: {folder}; is it mounted?")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise CannotRun(f"user {os.getuid()} can't read {folder}: as root: chmod -R a+rX {folder}")
    before = _look(folder)
    faults = gate.faults(folder)
    time.sleep(LOOKS_APART)
    if _look(folder) != before:
        raise TryAgain(f"{folder} is still being filled; start again when that is done")
    if faults:
        code, sentence = gate.verdict(folder, faults, "folder")
        kind = TryAgain if code == TryAgain.code else CannotRun
        raise kind(sentence, faults[1:])


def _look(folder: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for name, size in gate.files(folder).items():
        with contextlib.suppress(OSError):
            found[name] = size, (folder / name).stat().st_mtime_ns
    return found


def _fetch(named: sources.Named, environ: Mapping[str, str], progress: Progress) -> None:
    source = _source(named, environ)
    threads = room.threads(environ)
    limit = room.limit(environ)
    models = named.folder.parent
    _require_writable(models)
    models.mkdir(parents=True, exist_ok=True)
    with _alone(named, progress):
        if ready.ready(named.folder):  # somebody else has fetched it meanwhile
            return
        Gathering(source, named, progress, threads, limit).run()


def _source(named: sources.Named, environ: Mapping[str, str]) -> Source:
    if named.kind == "s3":
        return S3Source(s3_settings(environ), named)
    place = settings.hub(environ)
    if place.offline:
        raise CannotRun(
            f"HF_HUB_OFFLINE is set and {named.model} is not complete in {named.folder}"
        )
    return HubSource(place, named)


def _require_writable(models: Path) -> None:
    place = models
    while not place.exists():
        place = place.parent
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        raise CannotRun(f"{place} is mounted read-only: mount it writable for `launcher fetch`")
    if not accounts.writable(models):
        raise CannotRun(accounts.owner_line(models))


@contextlib.contextmanager
def _alone(named: sources.Named, progress: Progress) -> Iterator[None]:
    """A second fetcher waits for the first one. The lock goes with the process that has it."""
    with named.lock.open("a") as file:
        if not _locked(file.fileno()):
            with progress.step(f"waiting for another fetch of {named.model}") as tick:
                while not _locked(file.fileno()):
                    time.sleep(LOCK_EVERY)
                    tick("")
        yield


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


@contextlib.contextmanager
def _endings(named: sources.Named, progress: Progress) -> Iterator[None]:
    """What the disk and signals may do to it, in words."""
    try:
        with _process():
            yield
    except Interrupted:
        progress.say(f"what has come is kept in {named.partial}")
        raise
    except OSError as error:
        raise _told(error, named) from error


@contextlib.contextmanager
def _process() -> Iterator[None]:
    """The first signal raises Interrupted, the others nothing: what has come is being noted.

    The files are the group's as well: the next container may run as another user.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def hear(number: int, _frame: FrameType | None) -> None:
        for other in ENDING:
            signal.signal(other, signal.SIG_IGN)
        raise Interrupted(number)

    for number in ENDING:
        before[number] = signal.signal(number, hear)
    umask = os.umask(0o002)
    try:
        yield
    finally:
        os.umask(umask)
        for name, handler in before.items():
            signal.signal(name, handler)


def _told(error: OSError, named: sources.Named) -> LauncherError | OSError:
    place = Path(error.filename) if isinstance(error.filename, str) else named.folder.parent
    if error.errno in (errno.EACCES, errno.EPERM):
        return CannotRun(accounts.owner_line(place if place.is_dir() else place.parent))
    if error.errno == errno.EROFS:
        return CannotRun(f"{place} is mounted read-only: mount it writable for `launcher fetch`")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CannotRun(
            f"the disk of {named.folder.parent} ran full while {named.model} came; "
            "make room, the next start goes on from here"
        )
    return error
