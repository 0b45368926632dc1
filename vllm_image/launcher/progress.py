"""What the user sees while waiting: one line that changes, or a line now and then in a log."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

EVERY = 5.0
BAR = 24
COLUMNS = 80
MEGABYTE = 1_000_000
ERASE = "\r\x1b[K"


class Progress:
    def __init__(
        self, stream: TextIO = sys.stderr, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._terminal = stream.isatty()
        self._text = ""
        self._began = self._told = clock()

    def say(self, text: str) -> None:
        """A line of its own, which stays."""
        self._write((ERASE if self._terminal else "") + text + "\n")

    @contextmanager
    def step(self, text: str) -> Iterator[Callable[[str], None]]:
        """Something that takes a while; the callable shows where it is and may be called often."""
        self._text = text
        self._began = self._clock()
        self._told = self._began
        if self._terminal:
            self._show(f"{text} ...")
        else:
            self.say(f"{text} ...")
        try:
            yield self._tick
        finally:
            if self._terminal:
                self._write(ERASE)

    def _tick(self, detail: str = "") -> None:
        now = self._clock()
        if not self._terminal and now - self._told < EVERY:
            return
        self._told = now
        line = f"{self._text}, {now - self._began:.0f} s" + (f", {detail}" if detail else "")
        if self._terminal:
            self._show(line)
        else:
            self.say(line)

    def _show(self, line: str) -> None:
        """A longer line would wrap, and only its last row could be erased."""
        self._write(ERASE + line[: columns(self._stream) - 1])

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:  # the terminal is gone; its SIGHUP is on the way
            pass


def columns(terminal: TextIO) -> int:
    try:
        return os.get_terminal_size(terminal.fileno()).columns or COLUMNS
    except OSError:
        return COLUMNS


def bytes_done(done: int, total: int) -> str:
    """`[######------------------] 250 of 988 MB`."""
    if total <= 0:
        return f"{done // MEGABYTE} MB"
    full = min(done * BAR // total, BAR)
    return f"[{'#' * full}{'-' * (BAR - full)}] {done // MEGABYTE} of {total // MEGABYTE} MB"
