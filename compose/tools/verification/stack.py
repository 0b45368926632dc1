"""A stack as it runs, as the Docker daemon tells."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from typing import Any

LOCAL = ("127.0.0.1", "::1")
ANYWHERE = ("", "0.0.0.0", "::")


@dataclass
class Container:
    service: str
    about: dict[str, Any]

    @property
    def running(self) -> bool:
        return bool(self.about["State"]["Running"])

    @property
    def health(self) -> str:
        return str(self.about["State"].get("Health", {}).get("Status", "none"))

    def published(self) -> list[tuple[str, str]]:
        """(address, port) on the host."""
        ports = self.about["NetworkSettings"]["Ports"] or {}
        return [(row["HostIp"], row["HostPort"]) for rows in ports.values() for row in rows or ()]

    def address(self, inside: int, path: str = "") -> str:
        rows = (self.about["NetworkSettings"]["Ports"] or {}).get(f"{inside}/tcp") or []
        host = rows[0]["HostIp"] if rows else ""
        host = "127.0.0.1" if host in ANYWHERE else host
        return f"http://{host}:{rows[0]['HostPort']}{path}" if rows else ""


@dataclass
class Stack:
    url: str
    project: str
    containers: dict[str, Container] = field(default_factory=dict)
    docker: str = ""
    """Why the daemon could not be asked; empty when it could."""
    models: dict[str, list[str]] = field(default_factory=dict)
    """Name → capabilities, as the adapter tells them."""

    def has(self, *services: str) -> bool:
        return any(name in self.containers for name in services)


def look(url: str | None, project: str) -> Stack:
    stack = Stack(url or "", project)
    try:
        stack.containers = containers(project)
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        stack.docker = str(getattr(error, "stderr", "") or error).strip().split("\n")[-1]
    for name in ("adapter", "phase1"):
        if not stack.url and name in stack.containers:
            stack.url = stack.containers[name].address(11434)
    return stack


def containers(project: str) -> dict[str, Container]:
    label = f"label=com.docker.compose.project={project}"
    identities = docker("ps", "--all", "--quiet", "--filter", label).split()
    if not identities:
        return {}
    found = json.loads(docker("inspect", *identities))
    names = [one["Config"]["Labels"]["com.docker.compose.service"] for one in found]
    return {name: Container(name, about) for name, about in zip(names, found, strict=True)}


def docker(*arguments: str) -> str:
    command = ["docker", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
