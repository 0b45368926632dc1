"""A home and a name for whoever runs the engine: containers run under numbers that have neither.

torch asks for the user's name, vLLM and its libraries write below the home.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Mapping
from pathlib import Path

NAME = "engine"


def lacking(
    environ: Mapping[str, str],
    temporary: Path,
    uid: int | None = None,
    may_write: Callable[[Path], bool] | None = None,
) -> dict[str, str]:
    """HOME, USER and LOGNAME where they are missing, or of no use."""
    found = {}
    home = environ.get("HOME", "")
    if not home or home == "/" or not (may_write or writable)(Path(home)):
        found["HOME"] = str(temporary / NAME)
    if not environ.get("USER") and not _known(os.getuid() if uid is None else uid):
        found |= {"USER": NAME, "LOGNAME": NAME}
    return found


def writable(path: Path) -> bool:
    """Whether files can be made there, or the folder itself where it isn't there yet."""
    while not path.exists():
        path = path.parent
    return path.is_dir() and os.access(path, os.W_OK | os.X_OK)


def readable(path: Path) -> bool:
    """A link to nothing counts: that is another fault."""
    return os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)) or not path.exists()


def owner_line(path: Path) -> str:
    """`/models belongs to 0:0 and 10001:0 can't write there; ... chown -R 10001:0 /models`."""
    while not path.exists():
        path = path.parent
    return _line(path, "write there")


def reader_line(path: Path) -> str:
    return _line(path, "read it")


def _line(path: Path, what: str) -> str:
    about = path.stat()
    us = f"{os.getuid()}:{os.getgid()}"
    return (
        f"{path} belongs to {about.st_uid}:{about.st_gid} and {us} can't {what}; "
        f"give it away, as root: chown -R {us} {path}"
    )


def _known(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
