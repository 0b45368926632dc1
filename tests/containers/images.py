"""Stand-ins for the official base images, and the project's own Dockerfiles built on them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.containers import workshop
from tests.containers.daemon import Daemon
from tests.support import machine
from tests.support.recordings import RECORDINGS

STAND_INS = Path(__file__).parent / "stand_ins"
POLICY = '{"default":[{"type":"insecureAcceptAnything"}]}'
TAG = "dev"
TARGETS = {
    "vllm": "VLLM_CPU_IMAGE",
    "ollama": "OLLAMA_IMAGE",
    "prometheus": "PROMETHEUS_IMAGE",
    "grafana": "GRAFANA_IMAGE",
}
"""Of stand_ins/Dockerfile → the official image that it stands for."""


def versions() -> dict[str, str]:
    """compose/versions.env."""
    text = (machine.ROOT / "compose" / "versions.env").read_text()
    return dict(re.findall(r"^(\w+)=(\S+)$", text, re.MULTILINE))


def adapter_archive(scratch: Path) -> Path:
    """The adapter's image, built by buildah: unlike the daemon it has the machine's network."""
    policy = scratch / "policy.json"
    policy.write_text(POLICY)
    base = scratch / "base"
    base.mkdir()
    (base / "Dockerfile").write_text('FROM scratch\nADD rootfs.tar /\nCMD ["python3"]\n')
    _linked(workshop.ROOTFS, base / "rootfs.tar")
    store = ["--storage-driver", "overlay", "--root", str(workshop.STORE / "images")]
    buildah = ["buildah", *store, "--runroot", str(scratch / "buildah")]
    build = [*buildah, "bud", "--signature-policy", str(policy), "--isolation", "chroot"]
    build += ["--format", "docker", "--layers", "--pull-never"]
    certificates = "/etc/ssl/certs:/etc/ssl/certs:ro"  # a machine may trust a proxy of its own
    workshop.run([*build, "-t", versions()["PYTHON_IMAGE"], str(base)])
    image = f"ollama-vllm/adapter:{TAG}"
    workshop.run(
        [*build, "-v", certificates, "-f", "adapter/Dockerfile", "-t", f"localhost/{image}", "."],
        cwd=machine.ROOT,
    )
    archive = scratch / "adapter.tar"
    policy_flag = ["--signature-policy", str(policy)]
    target = f"docker-archive:{archive}:{image}"
    workshop.run([*buildah, "push", *policy_flag, f"localhost/{image}", target])
    return archive


def load(daemon: Daemon, archive: Path) -> None:
    daemon.docker("load", "-qi", str(archive))
    archive.unlink()


def build(daemon: Daemon, scratch: Path) -> None:
    """Every image that compose.yaml names but the adapter's."""
    found = versions()
    daemon.docker("import", "--change", 'CMD ["python3"]', str(workshop.ROOTFS), "debian:base")
    context = _stand_in_context(scratch)
    for target, name in TARGETS.items():
        _build(daemon, context, "Dockerfile", found[name].removeprefix("docker.io/"), target)
    _build(daemon, machine.ROOT / "vllm_image", "cpu/Dockerfile", f"ollama-vllm/engine-cpu:{TAG}")
    _build(daemon, machine.ROOT / "vision", "Dockerfile", f"ollama-vllm/vision:{TAG}")


def _linked(file: Path, name: Path) -> None:
    try:
        name.hardlink_to(file)
    except OSError:  # on another disk
        shutil.copyfile(file, name)


def _stand_in_context(scratch: Path) -> Path:
    context = scratch / "stand-ins"
    shutil.copytree(STAND_INS, context)
    shutil.copytree(RECORDINGS, context / "recordings")
    shutil.copy(machine.ROOT / "tests" / "support" / "recordings.py", context / "recordings.py")
    shutil.copy(workshop.TOOLS / "usr" / "bin" / "prometheus", context / "prometheus")
    return context


def _build(daemon: Daemon, context: Path, dockerfile: str, image: str, target: str = "") -> None:
    """By BuildKit, as `docker compose build` does; nothing can be pulled."""
    command = [
        "docker",
        "build",
        "--progress",
        "plain",
        "-t",
        image,
        "-f",
        str(context / dockerfile),
    ]
    command += ["--target", target] if target else []
    daemon.run(*command, str(context), DOCKER_BUILDKIT="1")
