"""OPEA's mega service, to be compared with: `python -m tests.services.load.opea` installs it.

It stands in `.venv/peers/opea-comps`, an environment of its own with the versions and hashes of
locks/opea-comps.lock; `--lock` writes that. What is served is opea_mega.py.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.clients.environments import COMPILE, UV, run
from tests.load.peers import PEERS
from tests.load.processes import await_listening, running
from tests.support.machine import free_port

NAME, VERSION = "opea-comps", "1.5"
HERE = Path(__file__).parent
LOCK = HERE / "locks" / f"{NAME}.lock"
HOME = PEERS / NAME
PATH = "/v1/chatqna"
LAST = "[DONE]"
"""Ends an answer; it has no list of sources."""
_START_SECONDS = 60.0


class Missing(Exception):
    """It is not installed."""


def install(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    run(UV, "venv", "--quiet", "--no-project", "--python", sys.executable, str(folder))
    command = [UV, "pip", "install", "--quiet", "--no-progress", "--python", str(folder)]
    run(*command, "--require-hashes", "--requirement", str(LOCK))


def lock() -> None:
    run(*COMPILE, "--upgrade", "--output-file", str(LOCK), given=f"{NAME}=={VERSION}\n")


@contextmanager
def serving(engines: int, log: IO[bytes], home: Path = HOME) -> Iterator[tuple[int, int]]:
    """Its process and port, with all engines at one port.

    Raises:
        Missing: it is not installed.
    """
    python = home / "bin" / "python"
    if not python.exists():
        raise Missing(f"{NAME} is not there: `python -m tests.services.load.opea` installs it")
    port = free_port()
    command = [str(python), str(HERE / "opea_mega.py"), "--port", str(port)]
    with running([*command, "--engines", str(engines)], log) as process:
        await_listening(process, port, _START_SECONDS)
        yield process.pid, port


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.services.load.opea", description=__doc__)
    parser.add_argument("--lock", action="store_true", help="write the lock anew, and no more")
    if parser.parse_args().lock:
        lock()
    else:
        install(HOME)


if __name__ == "__main__":
    main()
