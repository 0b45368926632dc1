"""`docker compose` for Debian 12, which has docker-compose 1.29 only: the project's compose file
without what that version can't read.

    python old_compose.py --project-directory DIR -f FILE --profile NAME... COMMAND...

Dropped: name, start_interval, depends_on.required, build (images are there already), and services
of other profiles than the chosen ones. The settings of services in a file that OLD_COMPOSE_CHANGES
names are laid over them. The rest goes to docker-compose as it is.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

PROGRAM = ["/usr/bin/python3", "/usr/bin/docker-compose"]
UNKNOWN = ("profiles", "build", "develop")


def rendered(document: dict[str, Any], profiles: set[str]) -> dict[str, Any]:
    active = {
        name: service
        for name, service in document["services"].items()
        if not service.get("profiles") or profiles & {*service["profiles"]}
    }
    services = {name: _service(service, {*active}) for name, service in active.items()}
    kept = {key: document[key] for key in ("volumes", "networks") if key in document}
    used = {name for service in services.values() for name in service.get("secrets", ())}
    secrets = {name: file for name, file in document.get("secrets", {}).items() if name in used}
    return {"version": "3.8", "services": services, "secrets": secrets, **kept}


def _service(service: dict[str, Any], active: set[str]) -> dict[str, Any]:
    kept = {key: value for key, value in service.items() if key not in UNKNOWN}
    if isinstance(needs := kept.get("depends_on"), dict):
        kept["depends_on"] = {
            name: {"condition": how["condition"]} for name, how in needs.items() if name in active
        }
    if isinstance(check := kept.get("healthcheck"), dict):
        kept["healthcheck"] = {key: v for key, v in check.items() if key != "start_interval"}
    return kept


def changed(services: dict[str, Any], changes: dict[str, Any]) -> None:
    """Environment and healthcheck are merged, other settings replaced."""
    for name in services.keys() & changes.keys():
        for key, value in changes[name].items():
            if isinstance(value, dict) and isinstance(services[name].get(key), dict):
                services[name][key] = {**services[name][key], **value}
            else:
                services[name][key] = value


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--project-directory", type=Path, default=Path())
    parser.add_argument("-f", dest="file", type=Path)
    parser.add_argument("--profile", action="append", default=[])
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    chosen = parser.parse_args()
    if chosen.file is None:
        return subprocess.run([*PROGRAM, *chosen.rest], check=False).returncode
    document = yaml.safe_load(chosen.file.read_text())
    old = rendered(document, {*chosen.profile})
    if changes := os.environ.get("OLD_COMPOSE_CHANGES"):  # noqa: TID251  # a program
        changed(old["services"], yaml.safe_load(Path(changes).read_text()))
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump(old, file, sort_keys=False)
        file.flush()
        command = [*PROGRAM, "-p", document["name"]]
        command += ["--project-directory", str(chosen.project_directory), "-f", file.name]
        return subprocess.run([*command, *chosen.rest], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
