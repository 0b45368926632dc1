"""`docker compose` for Debian 12, which has docker-compose 1.29 only: the project's compose file
without what that version can't read.

    old_compose.py --project-directory DIR --env-file FILE... -f FILE... --profile NAME... COMMAND

Dropped: name, start_interval, depends_on.required, build and pull_policy (images are there
already), and services of other profiles than the chosen ones. The settings of services in a file
that OLD_COMPOSE_CHANGES names are laid over them. Further files of services are handed on, and
the files of settings are put into the environment. The rest goes to docker-compose as it is.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

PROGRAM = ["/usr/bin/python3", "/usr/bin/docker-compose"]
UNKNOWN = ("profiles", "build", "develop", "pull_policy")


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


def settings(files: list[Path]) -> dict[str, str]:
    """The later file wins, the environment over all."""
    found: dict[str, str] = {}
    for file in files:
        found |= re.findall(r"^(\w+)=(.*)$", file.read_text(), re.MULTILINE)
    return found | dict(os.environ)  # noqa: TID251  # a program


def overriding(file: Path, services: dict[str, Any]) -> dict[str, Any]:
    """A further file, without the services that are not there."""
    document = yaml.safe_load(file.read_text())
    kept = {name: one for name, one in document["services"].items() if name in services}
    return {"version": "3.8", "services": kept}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--project-directory", type=Path, default=Path())
    parser.add_argument("--env-file", action="append", type=Path, default=[])
    parser.add_argument("-f", dest="files", action="append", type=Path, default=[])
    parser.add_argument("--profile", action="append", default=[])
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    chosen = parser.parse_args()
    if not chosen.files:
        return subprocess.run([*PROGRAM, *chosen.rest], check=False).returncode
    document = yaml.safe_load(chosen.files[0].read_text())
    old = rendered(document, {*chosen.profile})
    environ = settings(chosen.env_file)
    if changes := environ.get("OLD_COMPOSE_CHANGES"):
        changed(old["services"], yaml.safe_load(Path(changes).read_text()))
    with tempfile.TemporaryDirectory() as folder:
        command = [*PROGRAM, "-p", document["name"]]
        command += ["--project-directory", str(chosen.project_directory)]
        more = [overriding(file, old["services"]) for file in chosen.files[1:]]
        for number, content in enumerate([old, *more]):
            file = Path(folder, f"{number}.yml")
            file.write_text(yaml.safe_dump(content, sort_keys=False))
            command += ["-f", str(file)]
        return subprocess.run([*command, *chosen.rest], env=environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
