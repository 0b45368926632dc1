"""compose.yaml and what belongs to it, read."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.support import machine

FOLDER = machine.ROOT / "compose"
TEXT = (FOLDER / "compose.yaml").read_text()
DOCUMENT: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}")
DOCKERFILES = {
    "adapter": machine.ROOT / "adapter" / "Dockerfile",
    "cpu": machine.ROOT / "vllm_image" / "cpu" / "Dockerfile",
    "gpu": machine.ROOT / "vllm_image" / "gpu" / "Dockerfile",
    "hpu": machine.ROOT / "vllm_image" / "hpu" / "Dockerfile",
    "vision": machine.ROOT / "vision" / "Dockerfile",
    "services": FOLDER / "services" / "Dockerfile",
}
SCRIPTS = sorted([*(FOLDER / "tools").glob("*.sh"), *(machine.ROOT / "vision").glob("*.sh")])


def filled(text: str) -> str:
    """With the defaults in place of the variables."""
    return VARIABLE.sub(lambda found: found[2] or "", text)


def published() -> dict[str, list[tuple[str, int, int]]]:
    """Service → (address, port on the host, port inside), by default."""
    found = {}
    for name, service in SERVICES.items():
        rows = [filled(port).rsplit(":", 2) for port in service.get("ports", ())]
        found[name] = [(host, int(outer), int(inner)) for host, outer, inner in rows]
    return {name: rows for name, rows in found.items() if rows}
