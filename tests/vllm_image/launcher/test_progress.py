from __future__ import annotations

import io
import os
import termios

import pytest
from launcher.progress import Progress, bytes_done


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_every_five_seconds() -> None:
    out, times = io.StringIO(), iter([0.0, 100.0, 102.0, 105.0, 107.0, 111.0])
    progress = Progress(out, lambda: next(times))
    with progress.step("loading model") as tick:
        for _ in range(4):
            tick("")
    assert out.getvalue().splitlines() == [
        "loading model ...",
        "loading model, 5 s",
        "loading model, 11 s",
    ]


def test_a_terminal_gets_one_line_that_changes_and_goes() -> None:
    out, times = Terminal(), iter([0.0, 0.0, 1.2, 2.1])
    progress = Progress(out, lambda: next(times))
    with progress.step("installing") as tick:
        tick("half")
        tick("all")
    assert out.getvalue().split("\r\x1b[K") == [
        "",
        "installing ...",
        "installing, 1 s, half",
        "installing, 2 s, all",
        "",
    ]


def test_a_terminal_that_is_gone_is_no_error() -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(5, "Input/output error")

    Progress(Gone()).say("nobody reads this")


@pytest.mark.parametrize(
    ("done", "total", "text"),
    [
        (0, 100_000_000, f"[{'-' * 24}] 0 of 100 MB"),
        (50_000_000, 100_000_000, f"[{'#' * 12}{'-' * 12}] 50 of 100 MB"),
        (101_000_000, 100_000_000, f"[{'#' * 24}] 101 of 100 MB"),
        (5_000_000, 0, "5 MB"),
    ],
)
def test_bytes_are_shown_as_a_bar(done: int, total: int, text: str) -> None:
    assert bytes_done(done, total) == text


def test_a_line_is_cut_to_the_terminal() -> None:
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (24, 20))
    text = "downloading a model with a long name"
    with os.fdopen(slave, "w") as out, Progress(out).step(text):
        shown = os.read(master, 1000)
    os.close(master)
    assert shown == b"\r\x1b[Kdownloading a model"
