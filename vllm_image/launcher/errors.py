"""What can go wrong, as a sentence and an exit code.

LauncherError
├── CannotRun    78: trying again can't help (configuration, machine, access)
├── TryAgain     75: it may work later (network, memory in use)
└── PartEnded    its own code: the adapter, or the services
Interrupted      a signal came; not an error
"""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence


class LauncherError(Exception):
    """`text` is one line for the user; `details` are lines of somebody's log below it."""

    code = 1

    def __init__(self, text: str, details: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.details = list(details)


class CannotRun(LauncherError):
    code = 78


class TryAgain(LauncherError):
    code = 75


class PartEnded(LauncherError):
    """Its own exit code is handed on; one that says success would hide that it ended."""

    def __init__(self, part: str, code: int, log: str) -> None:
        """`part`: as "the adapter"; `log`: all that it wrote."""
        super().__init__(f"{part} ended, {explain(code)}", telling_lines(log))
        self.code = shell_code(code) or 1


class Interrupted(BaseException):
    """Raised by the first SIGINT, SIGTERM or SIGHUP wherever the launcher is at that moment."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


MEANINGS = {
    0: "it gave up",
    75: "not yet: it may work later; the line above says what is missing",
    78: "it can't work like this: the line above says what to change",
    127: "its command was not found",
    132: "the CPU lacks an instruction that the engine was built with (SIGILL)",
    134: "it gave itself up (SIGABRT)",
    135: "it was refused memory that it had mapped (SIGBUS; is /dev/shm too small?)",
    137: "it was killed from outside, mostly because memory ran out (SIGKILL)",
    139: "it crashed (SIGSEGV)",
    143: "it was told to end (SIGTERM)",
}
HOPELESS = {78, 127, 132}

# Lines that name a cause; a later line that only points back at them doesn't count.
CAUSE = re.compile(
    r"(?:^|[\s\]])((?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception|Interrupt)): (?!Engine core)"
)
SHOWN = 15


def shell_code(code: int) -> int:
    """The exit code as a shell shows it: 128 + number for a signal."""
    return 128 - code if code < 0 else code


def explain(code: int) -> str:
    """`exit code 132: the CPU lacks …`."""
    shown = shell_code(code)
    meaning = MEANINGS.get(shown)
    return f"exit code {shown}: {meaning}" if meaning else f"exit code {shown}"


def telling_lines(log: str, count: int = SHOWN) -> list[str]:
    """The last lines of a log, led by the line with the first cause when that is further up."""
    lines = [line.rstrip() for line in log.splitlines() if line.strip()]
    tail = lines[-count:]
    cause = next((line for line in lines if CAUSE.search(line)), None)
    if cause is None or cause in tail:
        return tail
    return [cause, "...", *tail[2:]]


def engine_ended(code: int, log: str, *, loading: bool) -> LauncherError:
    """A Python error at load time comes again next time; a kill, or any later end, need not."""
    when = "while it loaded the model" if loading else "while it was serving"
    shown = shell_code(code)
    lasting = shown in HOPELESS or (loading and shown < 128)
    kind = CannotRun if lasting else TryAgain
    return kind(f"the engine ended {when}, {explain(code)}", telling_lines(log))
