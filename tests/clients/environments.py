"""The clients' environments: locked by `python -m tests.clients.environments`, made on demand.

An environment lies below .venv/clients, in a folder named after its family and the hash of its
lock, and is used again once it is complete.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import machine

HERE = Path(__file__).parent
LOCKS = HERE / "locks"
NODE = HERE / "node"
MADE = machine.VENV / "clients"
FAMILIES = tomllib.loads((HERE / "families.toml").read_text())
UV = str(machine.VENV / "bin" / "uv")
COMPILE = [
    *(UV, "pip", "compile", "-", "--universal", "--generate-hashes", "--python-version", "3.11"),
    *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--quiet"),
]


def python(family: str) -> str:
    """The interpreter of a family's environment."""
    lock = LOCKS / f"{family}.lock"

    def make(folder: Path) -> None:
        run(UV, "venv", "--quiet", "--no-project", "--python", sys.executable, str(folder))
        install = [UV, "pip", "install", "--quiet", "--no-progress", "--python", str(folder)]
        run(*install, "--require-hashes", "--requirement", str(lock))

    return str(made(family, lock.read_bytes(), make) / "bin" / "python")


def source(family: str) -> Path:
    """The source distribution of a family's client, unpacked: its tests are in no wheel."""
    lock = LOCKS / f"{family}.source.lock"
    name, _, version = FAMILIES["sources"][family].partition("==")

    def make(folder: Path) -> None:
        folder.mkdir(parents=True)
        fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        fetch += ["--no-binary", ":all:", "--no-build-isolation", "--require-hashes"]
        run(*fetch, "--requirement", str(lock), "--dest", str(folder))
        [archive] = folder.glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            # The first releases of Python 3.11 have no filters; the archive's hash is known.
            safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            packed.extractall(folder, **safe)

    folder = made(f"{family}-source", lock.read_bytes(), make)
    return folder / f"{name.replace('-', '_')}-{version}"


def node_folder(family: str) -> tuple[str, Path]:
    """Node, and a folder with the family's packages and its scripts."""
    node, npm = machine.node()
    files = NODE / family
    lock = (files / "package-lock.json").read_bytes()

    def make(folder: Path) -> None:
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(files / name, folder)
        run(npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder)

    folder = made(family, lock, make)
    for script in (NODE / "steps.mjs", *files.glob("*.mjs")):
        shutil.copy(script, folder)
    return node, folder


def made(name: str, lock: bytes, make: Callable[[Path], None]) -> Path:
    """The folder that `make` makes, from this lock; those of other locks go."""
    stamp = hashlib.sha256(lock + sys.version.encode()).hexdigest()[:16]
    folder = MADE / f"{name}.{stamp}"
    if not (folder / "complete").exists():
        for old in MADE.glob(f"{name}.*"):
            if old.is_dir():  # a run's report has the family's name too
                shutil.rmtree(old)
        make(folder)
        (folder / "complete").touch()
    return folder


def run(*command: str, cwd: Path | None = None, given: str | None = None) -> None:
    """Runs it; its output is the reason of a failure."""
    environ = dict(machine.ENVIRON)
    if index := environ.get("PIP_INDEX_URL"):
        environ.setdefault("UV_DEFAULT_INDEX", index)  # uv doesn't read pip's settings
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environ,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)}:\n{done.stdout}{done.stderr}", pytrace=False)


def lock_python() -> None:
    LOCKS.mkdir(exist_ok=True)
    for family, packages in FAMILIES["python"].items():
        wanted = "\n".join(packages + FAMILIES["runner"]["packages"])
        run(*COMPILE, "--upgrade", "--output-file", str(LOCKS / f"{family}.lock"), given=wanted)
    for family, package in FAMILIES["sources"].items():
        output = ["--no-deps", "--no-binary", ":all:"]
        output += ["--output-file", str(LOCKS / f"{family}.source.lock")]
        run(*COMPILE, *output, given=package)


def lock_node() -> None:
    _, npm = machine.node()
    for family in FAMILIES["npm"]:
        folder = NODE / family
        folder.mkdir(exist_ok=True)
        (folder / "package.json").write_text(package_json(family))
        (folder / "package-lock.json").unlink(missing_ok=True)
        only = ["--package-lock-only", "--omit-lockfile-registry-resolved"]
        run(npm, "install", *only, "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)


def package_json(family: str) -> str:
    """A family's package.json, as `make lock` writes it."""
    fields = {
        "name": f"adapter-tests-{family}",
        "private": True,
        "type": "module",
        "engines": {"node": ">=18"},
        "dependencies": FAMILIES["npm"][family],
    }
    return json.dumps(fields, indent=2) + "\n"


if __name__ == "__main__":
    lock_python()
    lock_node()
