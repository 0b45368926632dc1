"""What a check comes to."""

from __future__ import annotations

import http.client
import subprocess
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass

from verification.stack import Stack

YES, NO, UNSEEN = "yes", "NO", "-"


@dataclass
class Row:
    check: str
    verdict: str
    finding: str


class Failed(Exception):
    """The check did not pass, and why."""


class Unseen(Exception):
    """There is nothing here to check."""


FAULTS = (
    *(Failed, OSError, http.client.HTTPException, subprocess.SubprocessError),
    *(ValueError, LookupError, TypeError),
)
"""What a check may end with that is told in its row."""


def verdict(name: str, check: Callable[[Stack], str], stack: Stack) -> Row:
    try:
        return Row(name, YES, check(stack))
    except Unseen as reason:
        return Row(name, UNSEEN, str(reason))
    except urllib.error.HTTPError as error:
        said = error.read(300).decode(errors="replace").strip()
        return Row(name, NO, f"HTTP {error.code}: {said}")
    except FAULTS as error:
        return Row(name, NO, str(getattr(error, "reason", "") or error) or type(error).__name__)
