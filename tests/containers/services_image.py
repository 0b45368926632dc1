"""The services' image, built from the project's Dockerfile on the base that images.py made."""

from __future__ import annotations

from tests.containers import workshop
from tests.containers.daemon import Daemon
from tests.containers.images import TAG
from tests.support import machine

IMAGE = f"ollama-vllm/services:{TAG}"


def load(daemon: Daemon) -> None:
    """Builds it with buildah, which has the machine's network, and hands it to the daemon."""
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
