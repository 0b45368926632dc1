"""Reads the pieces of many files at the same time, patiently, into a Partial.

A connection that breaks is taken up where it broke; only when nothing has come for all of DELAYS
it is given up.
"""

from __future__ import annotations

import contextlib
import errno
import threading
import time
import urllib.error
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import TypeVar

from launcher import web
from launcher.errors import CannotRun, TryAgain
from launcher.partial import Changed, Part, Partial
from launcher.remote import Source

PIECE = 64 << 20
"""Bytes asked for at a time; as many requests are under way as there are threads."""
CHUNK = 1 << 18
DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds before each new try."""
LONGEST_WAIT = 60.0
"""The most that a server's Retry-After may ask for."""
RESTARTS = 3
SAVE_EVERY = 2.0
LOOK_EVERY = 0.2
ENDING = 1.0
"""Seconds that threads get to end; they don't keep the process alive."""

T = TypeVar("T")


class Stopped(Exception):
    """Another thread failed, or a signal came."""


@dataclass
class Piece:
    part: Part
    start: int
    end: int
    turn: int


class Patience:
    """Counts the failures in a row, and waits after each."""

    def __init__(self, source: Source, stop: threading.Event) -> None:
        self._source = source
        self._stop = stop
        self._failures = 0

    def renew(self) -> None:
        self._failures = 0

    def fail(self, error: Exception) -> None:
        """Returns after a while, or raises what is to be done about it."""
        wait, why = 0.0, _why(error)
        if isinstance(error, urllib.error.HTTPError):
            with error:
                if refusal := self._source.refusal(error):
                    raise refusal from None
                wait = _retry_after(error)
        if "certificate" in why:
            raise CannotRun(
                f"{self._source.host} shows a certificate that is not trusted: name your "
                "authority's file in SSL_CERT_FILE"
            ) from None
        if self._failures >= len(DELAYS):
            raise TryAgain(
                f"{self._source.host} does not deliver {self._source.label} ({why}); "
                "the next start goes on from here"
            ) from None
        self._stop.wait(max(DELAYS[self._failures], wait))
        self._failures += 1


def patiently(source: Source, action: Callable[[], T]) -> T:
    patience = Patience(source, threading.Event())
    while True:
        try:
            return action()
        except web.FAULTS as error:
            patience.fail(error)


class Transfer:
    def __init__(self, source: Source, partial: Partial, threads: int) -> None:
        self._source = source
        self._partial = partial
        self._threads = threads
        self._pieces: deque[Piece] = deque()
        self._stop = threading.Event()
        self._faults: list[Exception] = []

    def run(self, parts: Iterable[Part], tick: Callable[[], None]) -> None:
        """Raises LauncherError, or OSError of the disk. What has come is noted in any case."""
        self._pieces.extend(piece for part in parts for piece in pieces(part))
        threads = [
            threading.Thread(target=self._work, daemon=True)
            for _ in range(min(self._threads, len(self._pieces)))
        ]
        try:
            for thread in threads:
                thread.start()
            self._watch(threads, tick)
        finally:
            self._stop.set()
            deadline = time.monotonic() + ENDING
            for thread in threads:
                thread.join(max(deadline - time.monotonic(), 0))
            with contextlib.suppress(*([OSError] if self._faults else [])):  # the first one counts
                self._partial.save()
        if self._faults:
            raise self._faults[0]

    def _watch(self, threads: list[threading.Thread], tick: Callable[[], None]) -> None:
        saved = time.monotonic()
        while any(thread.is_alive() for thread in threads) and not self._faults:
            time.sleep(LOOK_EVERY)
            tick()
            if time.monotonic() - saved > SAVE_EVERY:
                self._partial.save()
                saved = time.monotonic()

    def _work(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    piece = self._pieces.popleft()
                except IndexError:
                    return
                self._fetch(piece)
        except Stopped:
            return
        except Exception as error:  # told by the main thread, whatever it is
            self._faults.append(error)
            self._stop.set()

    def _fetch(self, piece: Piece) -> None:
        patience = Patience(self._source, self._stop)
        part = piece.part
        part.create()
        if piece.turn != part.restarts:
            return
        while (before := part.done(piece.start)) < piece.end - piece.start:
            if self._stop.is_set():
                raise Stopped
            try:
                self._stream(piece, piece.start + before)
            except Changed:
                return self._anew(piece)
            except DiskFault as error:
                raise error.fault from None
            except web.FAULTS as error:
                if isinstance(error, urllib.error.HTTPError) and error.code == 416:
                    return self._anew(piece)
                if part.done(piece.start) > before:
                    patience.renew()
                patience.fail(error)

    def _stream(self, piece: Piece, begin: int) -> None:
        part, ranged = piece.part, begin > 0 or piece.end < piece.part.file.size
        extra = {"Range": f"bytes={begin}-{piece.end - 1}"} if ranged else {}
        if ranged and part.state.etag:
            extra["If-Range"] = part.state.etag
        with self._source.open(part.file, extra) as reply:
            _require(reply, part, begin if ranged else None)
            part.agree(piece.turn, _strong(reply))
            left = piece.end - begin
            while left:
                data = reply.read1(min(CHUNK, left))
                if self._stop.is_set():
                    raise Stopped
                if not data:
                    raise ConnectionResetError(errno.ECONNRESET, "connection cut")
                _write(piece, data)
                left -= len(data)

    def _anew(self, piece: Piece) -> None:
        part = piece.part
        if part.restart(piece.turn):
            if part.restarts > RESTARTS:
                raise TryAgain(
                    f"{part.file.name} of {self._source.label} changes while it is fetched; "
                    "start again when it is left alone"
                )
            self._pieces.extendleft(pieces(part))


class DiskFault(Exception):
    """Told apart from the network's faults, which are OSErrors as well."""

    def __init__(self, fault: OSError) -> None:
        super().__init__(str(fault))
        self.fault = fault


def pieces(part: Part) -> list[Piece]:
    """What is still to come. One piece for a file that has to come in one go."""
    step = max(part.file.size, 1) if part.whole or part.done(0) > PIECE else PIECE
    starts = range(0, max(part.file.size, 1), step)
    found = [Piece(part, at, min(at + step, part.file.size), part.restarts) for at in starts]
    return [piece for piece in found if part.done(piece.start) < piece.end - piece.start] or (
        found[:1] if not part.path.exists() else []
    )


def _write(piece: Piece, data: bytes) -> None:
    try:
        piece.part.write(piece.turn, piece.start, data)
    except OSError as error:
        if error.filename is None:
            error.filename = str(piece.part.path)
        raise DiskFault(error) from None


def _require(reply: HTTPResponse, part: Part, begin: int | None) -> None:
    """Raises Changed unless it is the file that is known, from `begin` on, or from its start."""
    size = part.file.size
    if begin is None:
        length = reply.headers.get("Content-Length")
        if reply.status != 200 or length not in (None, str(size)):
            raise Changed
    elif reply.status != 206 or not _fits(reply.headers.get("Content-Range", ""), begin, size):
        raise Changed


def _fits(content_range: str, begin: int, size: int) -> bool:
    span, _, total = content_range.removeprefix("bytes ").partition("/")
    return span.partition("-")[0] == str(begin) and total in (str(size), "*")


def _strong(reply: HTTPResponse) -> str:
    """A weak ETag doesn't vouch for every byte, so it is none."""
    etag: str = reply.headers.get("ETag", "")
    return etag if etag.startswith('"') else ""


def _retry_after(error: urllib.error.HTTPError) -> float:
    try:
        return min(float(error.headers.get("Retry-After", "0")), LONGEST_WAIT)
    except ValueError:  # a date
        return 0.0


def _why(error: Exception) -> str:
    """In words that can't hold an address with a signature in it."""
    if isinstance(error, urllib.error.HTTPError):
        return f"it answers {error.code}"
    if isinstance(error, OSError):
        return web.reason(error)
    return "it broke off"
