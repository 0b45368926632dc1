"""Docker's daemon, compose, buildah and more from Debian's packages, without installing them.

The packages that the machine lacks are downloaded and unpacked into a folder below .venv. A private
mount namespace lays that folder under /usr, so that the programs find their libraries; the machine
itself is never changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import debian, machine

PACKAGES = (
    *("buildah", "containerd", "docker-compose", "docker.io", "iproute2", "iptables"),
    *("mmdebstrap", "perl", "prometheus", "runc", "shellcheck", "tini", "util-linux"),
)
STORE = machine.VENV / "containers"
TOOLS = STORE / "tools"
MODULES = TOOLS / "usr" / "lib" / "python3" / "dist-packages"
ROOTFS = STORE / "rootfs.tar"
IN_ROOTFS = ("ca-certificates", "libnuma1", "python3", "python3-venv")
NOT_HERE = "no containers here"
PATIENCE = 240
ENTER = f"""
mount --make-rprivate /
mount -t overlay overlay -o lowerdir={TOOLS}/usr:/usr /usr
exec "$@"
"""


def prepare() -> None:
    """Gets the packages and the base root file system, once; skips, with the reason, without."""
    _permitted()
    STORE.mkdir(parents=True, exist_ok=True)
    with _locked():
        if not _stamped(TOOLS, PACKAGES):
            _unpack()
            _stamp(TOOLS, PACKAGES)
        _compiled(MODULES)
        if not (ROOTFS.exists() and _stamped(ROOTFS, IN_ROOTFS)):
            included = ",".join(IN_ROOTFS)
            release = "bookworm"
            command = ["mmdebstrap", "--variant=minbase", f"--include={included}", release]
            run([*command, str(ROOTFS)])
            _stamp(ROOTFS, IN_ROOTFS)


def tool(name: str) -> str:
    """A program of the packages that needs no library of theirs, such as promtool."""
    _unless_refused(shutil.which("apt-get") is not None, "apt-get not found")
    STORE.mkdir(parents=True, exist_ok=True)
    with _locked():
        if not _stamped(TOOLS, PACKAGES):
            _unpack()
            _stamp(TOOLS, PACKAGES)
    return str(TOOLS / "usr" / "bin" / name)


def run(command: list[str], *, cwd: Path | None = None, check: bool = True) -> str:
    """Runs a program of the packages, with the machine's network; its output, both streams."""
    inside = ["unshare", "--mount", "sh", "-ec", ENTER, "workshop", *command]
    done = subprocess.run(
        inside,
        cwd=cwd,
        env=machine.clean_environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if check and done.returncode:
        pytest.fail(f"{shlex.join(command)} ended with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


def _permitted() -> None:
    _unless_refused(os.geteuid() == 0, "only root may make the namespaces that this needs")
    _unless_refused(shutil.which("apt-get") is not None, "apt-get not found: not Debian or alike")
    probe = "mount --make-rprivate / && mount -t tmpfs tmpfs /mnt"
    tried = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "sh", "-ec", probe],
        capture_output=True,
        text=True,
        check=False,
    )
    _unless_refused(tried.returncode == 0, f"namespaces are refused: {tried.stderr.strip()}")


def _unless_refused(permitted: bool, reason: str) -> None:
    if not permitted:
        pytest.skip(f"{NOT_HERE}: {reason}")


def _unpack() -> None:
    debian.unpacked(STORE, PACKAGES, TOOLS)
    sbin = TOOLS / "usr" / "sbin"
    for name in ("iptables", "ip6tables"):  # a package's scripts would choose among its variants
        (sbin / name).symlink_to(f"{name}-nft")
    for folder in ("lib", "sbin", "bin"):  # packages from before these were links into /usr
        if (TOOLS / folder).is_dir():
            shutil.copytree(
                TOOLS / folder, TOOLS / "usr" / folder, symlinks=True, dirs_exist_ok=True
            )


def _compiled(modules: Path) -> None:
    """What a package's script would do: else docker-compose compiles itself at every start."""
    if not (modules / "compose" / "__pycache__").exists():
        inside = "/" + str(modules.relative_to(TOOLS))
        command = ["/usr/bin/python3", "-m", "compileall", "-q", "-s", str(modules), "-p", inside]
        run([*command, str(modules)])


def _stamp_of(what: tuple[str, ...]) -> str:
    return hashlib.sha256("\n".join(what).encode()).hexdigest()


def _stamped(path: Path, what: tuple[str, ...]) -> bool:
    stamp = path.with_name(path.name + ".made-of")
    return stamp.exists() and stamp.read_text() == _stamp_of(what)


def _stamp(path: Path, what: tuple[str, ...]) -> None:
    path.with_name(path.name + ".made-of").write_text(_stamp_of(what))


@contextmanager
def _locked() -> Iterator[None]:
    with (STORE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
