"""Secrets from the environment, or from the files that it names: `NAME` or `NAME_FILE`.

A file is how Docker and Kubernetes hand a secret down; an empty one is no secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from launcher.errors import CannotRun

# Anything else would end a header early, and the library's complaint would show the secret.
FIT = re.compile(r"[!-~]*")


def read(environ: Mapping[str, str], *names: str) -> str:
    """The first one that is set; empty when none is. Raises CannotRun, which never shows it."""
    for name in names:
        found = environ.get(name, "").strip() or _from_file(environ, f"{name}_FILE")
        if not FIT.fullmatch(found):
            raise CannotRun(f"{name} holds blanks or letters that no secret has; copy it again")
        if found:
            return found
    return ""


def _from_file(environ: Mapping[str, str], name: str) -> str:
    path = environ.get(name, "").strip()
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except UnicodeError as error:
        raise CannotRun(f"{name} names {path}, which is no text") from error
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise CannotRun(
            f"{name} names {path}, which user {os.geteuid()} can't read: {why}"
        ) from error
