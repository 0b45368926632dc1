"""The project's compose files, copied to a folder of their own, and driven as people drive them."""

from __future__ import annotations

import json
import shutil
import struct
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from tests.containers.daemon import Daemon
from tests.support import machine

PROJECT = "ollama-vllm"
OLD_COMPOSE = Path(__file__).parent / "old_compose.py"
WITHIN = 60.0
OWN = (".env", "secrets", "compose.override.yaml", "__pycache__")
QUICK = {"interval": "1s"}
"""Debian's daemon knows no start_interval, so the first look would be ten seconds late."""
READY = """
import json, sys, urllib.request as r
ready = json.load(r.urlopen("http://127.0.0.1:11434/ready"))
sys.exit(not all(ready["upstreams"].values()))
"""


class Stack:
    """`changes` are laid over the services: what a test needs to differ from production."""

    def __init__(self, daemon: Daemon, folder: Path, **settings: str) -> None:
        self.daemon = daemon
        self.folder = folder / "compose"
        shutil.copytree(machine.ROOT / "compose", self.folder, ignore=_own_files)
        self.weights = folder / "weights"
        make_weights(self.weights)
        self.settings = {"MODEL": "/weights", "SERVED_MODEL_NAME": "tiny-chat"} | settings
        self.changes_file = folder / "changes.yml"
        self.changes: dict[str, dict[str, Any]] = {}
        mounts = ["models:/models", f"{self.weights}:/weights:ro"]
        self.change("fetch-cpu", volumes=mounts)
        self.change("llm-cpu", volumes=[*mounts, "cache:/cache"])
        for name in ("adapter", "llm-cpu", "vision", "phase1"):
            self.change(name, healthcheck=QUICK)
        self.write()

    def change(self, service: str, **settings: Any) -> None:
        self.changes[service] = self.changes.get(service, {}) | settings

    def engine(self, *command: str, flags: tuple[str, ...] = (), **environ: str) -> tuple[int, str]:
        """Exit code and output of the CPU engine's image, run by itself with the weights."""
        settings = {"MODEL": "/weights"} | environ
        given = [f"--env={name}={value}" for name, value in settings.items()]
        given += [f"--volume={self.weights}:/weights:ro", "--rm", "--init", "--shm-size=1g", *flags]
        image = f"{PROJECT}/engine-cpu:dev"
        return self.daemon.tried("docker", "run", *given, image, *command)

    def write(self) -> None:
        """Puts settings and changes where the next command finds them."""
        lines = [f"{name}={value}\n" for name, value in self.settings.items()]
        (self.folder / ".env").write_text("".join(lines))
        self.changes_file.write_text(yaml.safe_dump(self.changes))

    def environ(self) -> dict[str, str]:
        return {
            "DOCKER_COMPOSE": f"{sys.executable} {OLD_COMPOSE}",
            "OLD_COMPOSE_CHANGES": str(self.changes_file),
            "STACK_BUILD": "",  # the images are there already
        }

    def tried(self, *arguments: str) -> tuple[int, str]:
        """Exit code and output of tools/stack.sh."""
        command = ["sh", str(self.folder / "tools" / "stack.sh"), *arguments]
        return self.daemon.tried(*command, timeout=WITHIN, **self.environ())

    def tool(self, *arguments: str) -> str:
        """tools/stack.sh, which has to succeed."""
        code, said = self.tried(*arguments)
        if code:
            pytest.fail(
                f"stack.sh {' '.join(arguments)} ended with {code}:\n{said}\n{self.report()}"
            )
        return said

    def verify(self, *arguments: str) -> tuple[int, str]:
        """Exit code and table of tools/verify.py."""
        program = str(self.folder / "tools" / "verify.py")
        return self.daemon.tried(sys.executable, program, *arguments)

    def python(self, code: str, *arguments: str) -> str:
        """The output of a program beside the daemon, where the published ports are."""
        return self.daemon.run(sys.executable, "-c", code, *arguments)

    def inside(self, service: str, *command: str) -> str:
        """The output of a command in a service's container."""
        return self.daemon.docker("exec", self.container(service), *command)

    def inside_any(self, service: str, *command: str) -> tuple[int, str]:
        """The same with its exit code, whatever that is."""
        return self.daemon.tried("docker", "exec", self.container(service), *command)

    def gone(self) -> None:
        """Whatever the project has, networks and volumes too; quicker than compose does it."""
        label = f"label=com.docker.compose.project={PROJECT}"
        for listed, removed in (
            (("ps", "--all"), ("rm", "--force", "--volumes")),
            (("network", "ls"), ("network", "rm")),
            (("volume", "ls"), ("volume", "rm", "--force")),
        ):
            if found := self.daemon.docker(*listed, "--quiet", "--filter", label).split():
                self.daemon.docker(*removed, *found)

    def container(self, service: str) -> str:
        """The id of a service's container; empty when there is none."""
        labels = [f"com.docker.compose.project={PROJECT}", f"com.docker.compose.service={service}"]
        filters = quote(json.dumps({"label": labels}))
        found = self.daemon.asked(f"/containers/json?all=1&filters={filters}")
        return str(found[0]["Id"]) if found else ""

    def state(self, service: str) -> dict[str, Any]:
        """`docker inspect`'s State; empty when there is no container."""
        identity = self.container(service)
        if not identity:
            return {}
        state = self.daemon.asked(f"/containers/{identity}/json")["State"]
        assert isinstance(state, dict)
        return state

    def logs(self, service: str) -> str:
        return self.daemon.docker("logs", self.container(service))

    def until(self, condition: Callable[[], bool], what: str, within: float = WITHIN) -> None:
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"not within {within:.0f} s: {what}\n{self.report()}")
            time.sleep(0.3)

    def until_healthy(self, *services: str, within: float = WITHIN) -> None:
        for service in services:
            self.until(
                lambda name=service: self.state(name).get("Health", {}).get("Status") == "healthy",
                f"{service} is healthy",
                within,
            )
        if {"adapter", "llm-cpu"} <= {*services}:
            self.until_ready()

    def until_ready(self) -> None:
        """Until the adapter has found its upstreams: it looks at them every few seconds."""
        self.until(lambda: self.daemon.tried(sys.executable, "-c", READY)[0] == 0, "it is ready")

    def report(self) -> str:
        """What runs, and what each one said last."""
        listed = self.daemon.docker("ps", "--all", "--format", "{{.Names}} {{.Status}} {{.Ports}}")
        names = [line.split()[0] for line in listed.splitlines()]
        said = [f"--- {name}\n{self.daemon.docker('logs', '--tail', '20', name)}" for name in names]
        return listed + "".join(said)


def make_weights(folder: Path, config: Mapping[str, Any] | None = None) -> None:
    """A folder that passes for a model: every file that is looked for, with one small tensor."""
    folder.mkdir(parents=True)
    told = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16"}
    told |= {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64}
    told |= {"num_key_value_heads": 2, "max_position_embeddings": 4096, "vocab_size": 512}
    (folder / "config.json").write_text(json.dumps(told | dict(config or {})))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    tensor = {"weight": {"dtype": "BF16", "shape": [8], "data_offsets": [0, 16]}}
    header = json.dumps(tensor).encode()
    packed = struct.pack("<Q", len(header)) + header + bytes(16)
    (folder / "model.safetensors").write_bytes(packed)


def _own_files(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in OWN]
