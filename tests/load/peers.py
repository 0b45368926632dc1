"""Other adapters, to be compared with: `make bench-peers` installs them, each in its own place.

They stand in `.venv/peers`, with the versions and hashes of tests/load/locks; `--lock` writes
those.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.clients.environments import COMPILE, UV, run
from tests.support.machine import VENV, node

LOCKS = Path(__file__).parent / "locks"
PEERS = VENV / "peers"
PYTHON = {"ollama-openai-proxy": "0.7.0", "ollama-proxy-plus": "0.1.0"}
NODE = {"ollama-api-proxy": "1.0.4"}


def install(folder: Path) -> list[str]:
    """Why those that could not be installed were not, a line each."""
    reasons = []
    for name in (*PYTHON, *NODE):
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            install_one(name, folder / name)
        except (pytest.fail.Exception, pytest.skip.Exception) as error:
            reasons.append(f"{name}: {error}")
    return reasons


def install_one(name: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if name in NODE:
        folder.mkdir(parents=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(LOCKS / name / file, folder)
        run(node()[1], "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder)
        return
    run(UV, "venv", "--quiet", "--no-project", "--python", sys.executable, str(folder))
    command = [UV, "pip", "install", "--quiet", "--no-progress", "--python", str(folder)]
    run(*command, "--require-hashes", "--requirement", str(LOCKS / f"{name}.lock"))


def lock() -> None:
    LOCKS.mkdir(exist_ok=True)
    for name, version in PYTHON.items():
        output = str(LOCKS / f"{name}.lock")
        run(*COMPILE, "--upgrade", "--output-file", output, given=f"{name}=={version}\n")
    for name, version in NODE.items():
        folder = LOCKS / name
        folder.mkdir(exist_ok=True)
        fields = {"name": f"bench-{name}", "private": True, "dependencies": {name: version}}
        (folder / "package.json").write_text(json.dumps(fields, indent=2) + "\n")
        (folder / "package-lock.json").unlink(missing_ok=True)
        only = ["--package-lock-only", "--omit-lockfile-registry-resolved", "--ignore-scripts"]
        run(node()[1], "install", *only, "--no-audit", "--no-fund", cwd=folder)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-peers", description=__doc__)
    parser.add_argument("--lock", action="store_true", help="write the locks anew, and no more")
    if parser.parse_args().lock:
        lock()
        return 0
    reasons = install(PEERS)
    print("\n".join(reasons), file=sys.stderr, end="\n" if reasons else "")
    return 1 if reasons else 0


if __name__ == "__main__":
    sys.exit(main())
