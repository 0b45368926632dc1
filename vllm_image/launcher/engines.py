"""Which vLLM is used: one on PATH, or the launcher's own beside the adapter."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from launcher.errors import CannotRun
from launcher.plan import Engine

OWN_VERSION = (0, 32, 0)
ASK = "import importlib.metadata as m; print(m.version('vllm'))"
PATIENCE = 120


def on_path(path: str | None, own: Path) -> Engine | None:
    """The user's vLLM. `path` is the value of PATH; the launcher's own doesn't count."""
    found = shutil.which("vllm", path=path)
    if not found or Path(found).resolve().is_relative_to(own.resolve()):
        return None
    python = interpreter(Path(found))
    command = [python, "-c", ASK] if python else [found, "--version"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotRun(f"{found} can't be asked for its version: {error}") from error
    version = done.stdout.strip().rpartition("\n")[2]
    if done.returncode or not re.match(r"\d+\.\d+", version):
        raise CannotRun(
            f"{found} does not tell its version; repair it, or take it off PATH to have an "
            "engine installed",
            done.stderr.splitlines()[-5:],
        )
    return Engine((found,), numbers(version), cpu="cpu" in version, python=python)


def own(venv: Path) -> Engine:
    python = str(venv / "bin" / "python")
    return Engine((python, str(venv / "bin" / "vllm")), OWN_VERSION, cpu=True, python=python)


def interpreter(script: Path) -> str:
    """The Python in a script's first line; empty when there is none, as in a shell wrapper."""
    with script.open("rb") as file:
        first = file.readline(1000).decode(errors="replace")
    match = re.match(r"#!\s*(/\S*python[\d.]*)\s*$", first)
    return match[1] if match and Path(match[1]).exists() else ""


def numbers(version: str) -> tuple[int, ...]:
    """`0.32.0+cpu` -> (0, 32, 0)."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()
