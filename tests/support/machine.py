"""What the machine has that tests may need, and the reason to skip a test without it."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
VENV = ROOT / ".venv"
PROMPTLY = 2.5
"""Seconds for what the adapter promises within one: a machine at work on other things may be late,
but what waits for a time-out (the connection's default is three) is told from what does not."""
ENVIRON = dict(os.environ)  # noqa: TID251  # tests start programs, with settings of their own


def clean_environ(**more: str) -> dict[str, str]:
    """The environment without what would configure the adapter or send requests elsewhere, and
    without what `make test` tells a make within it.

    The adapter keeps its aliases in a folder of its own, not in the user's home.
    """
    unwanted = re.compile(r"(OLLAMA|ADAPTER|VLLM)_|\w*_proxy$|M(AKE)?FLAGS$|MAKE", re.IGNORECASE)
    kept = {k: v for k, v in ENVIRON.items() if not unwanted.match(k)}
    return kept | {"ADAPTER_STATE_DIR": fresh_state_dir()} | more


_STATE = tempfile.TemporaryDirectory(prefix="ollama-vllm-tests-")
_NUMBERS = itertools.count()


def fresh_state_dir() -> str:
    """A state folder that nobody else has; it is not made, and goes with the tests."""
    return f"{_STATE.name}/{next(_NUMBERS)}/state"


def free_port() -> int:
    """None of those that the system hands out itself (from 32768 on, where nobody has changed it):
    such a one may be taken by any connection before it is used."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as plug, contextlib.suppress(OSError):
            plug.bind(("127.0.0.1", port))
            return port


def curl() -> str:
    return shutil.which("curl") or pytest.skip("curl not found")


def node() -> tuple[str, str]:
    """Node and npm."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm:
        asked = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
        version = re.match(r"v(\d+)\.", asked.stdout)
        if version and int(version[1]) >= 18:
            return found, npm
    pytest.skip("Node >= 18 not found")


def vllm() -> list[str]:
    """The command `vllm`: VLLM_BIN, or the one that `make test` installs."""
    if given := ENVIRON.get("VLLM_BIN"):
        if not Path(given).exists():
            pytest.fail(f"VLLM_BIN names no file: {given}")
        return [given]
    own = VENV / "vllm" / "bin"
    if (own / "vllm").exists():
        return [str(own / "python"), str(own / "vllm")]
    pytest.skip("no vLLM: neither VLLM_BIN nor .venv/vllm (`make test` installs it)")


def vllm_python() -> str:
    """The interpreter that vLLM is installed for."""
    return str(Path(vllm()[-1]).parent / "python")


def processes_of_session(leader: int) -> dict[int, str]:
    """Names of the live processes in a session, by process id."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
        except OSError:
            continue  # it ended meanwhile
        name, _, rest = stat.rpartition(")")
        state, _parent, _group, session = rest.split()[:4]
        if int(session) == leader and state != "Z":
            found[int(folder.name)] = name.partition("(")[2]
    return found
