"""Chromium: the machine's, or Debian's packages below .venv without installing them."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import debian, machine

PACKAGES = ("chromium", "fonts-dejavu-core", "fontconfig-config")
STORE = machine.VENV / "browser"
TOOLS = STORE / "tools"
NOT_HERE = "no browser here"
UP_WITHIN = 30.0
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>{tools}/usr/share/fonts</dir>
  <cachedir>{store}/fonts</cachedir>
</fontconfig>
"""


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of the DevTools of a fresh Chromium; `folder` is empty, and its profile."""
    program, environ = found()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=machine.clean_environ(HOME=str(folder), **environ),
        )
    try:
        yield f"http://127.0.0.1:{port_of(process, folder)}"
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)


def port_of(process: subprocess.Popen[bytes], folder: Path) -> int:
    """Chromium writes it down as soon as it listens."""
    told, deadline = folder / "profile" / "DevToolsActivePort", time.monotonic() + UP_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        if told.exists() and (lines := told.read_text().split()):
            return int(lines[0])
        time.sleep(0.05)
    pytest.fail(f"Chromium did not come up:\n{(folder / 'log').read_text()[-4000:]}")


def found() -> tuple[str, dict[str, str]]:
    """The program, and what it needs of the environment; skips, with the reason, without."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if program := shutil.which(name):
            return program, {}
    if shutil.which("apt-get") is None:
        pytest.skip(f"{NOT_HERE}: no Chromium, and no apt-get to get Debian's")
    STORE.mkdir(parents=True, exist_ok=True)
    with (STORE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, wanted = STORE / "made-of", hashlib.sha256(repr(PACKAGES).encode()).hexdigest()
        if not stamp.exists() or stamp.read_text() != wanted:
            debian.unpacked(STORE, PACKAGES, TOOLS)
            stamp.write_text(wanted)
    libraries = [*TOOLS.glob("usr/lib/*-linux-gnu"), *TOOLS.glob("lib/*-linux-gnu")]
    libraries += [*TOOLS.glob("usr/lib/*-linux-gnu/pulseaudio")]
    fonts = STORE / "fonts.conf"
    fonts.write_text(FONTS.format(tools=TOOLS, store=STORE))
    environ = {
        "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
        "FONTCONFIG_FILE": str(fonts),
        "XDG_DATA_DIRS": f"{TOOLS}/usr/share:/usr/share",
    }
    return str(TOOLS / "usr" / "lib" / "chromium" / "chromium"), environ
