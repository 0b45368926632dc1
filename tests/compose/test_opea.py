"""compose/opea: the adapter in the place of Ollama in OPEA's own compose file.

Docker Compose itself is not here to merge the two. The rules that it documents are, for as much of
them as these files use; and the file of OPEA is a small one that has the same service in it.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.compose.compose_file import FOLDER, SERVICES
from tests.compose.test_static_checks import installed
from tests.support import machine

OVERRIDE = FOLDER / "opea" / "compose.override.yaml"
HOWTO = machine.ROOT / "docs" / "howto" / "replace-ollama-in-opea.md"
OPEA = """
services:
  ollama-service:
    image: ollama/ollama
    container_name: ollama
    ports: ["11434:11434"]
    volumes: ["ollama:/root/.ollama"]
    entrypoint: [bash, -c]
    command: ["ollama serve & sleep 10 && ollama run ${OLLAMA_MODEL} & wait"]
    environment: { https_proxy: "${https_proxy}", OLLAMA_MODEL: "${OLLAMA_MODEL}" }
  chatqna-aipc-backend-server:
    image: opea/chatqna
    environment: [LLM_SERVER_HOST_IP=ollama-service, LLM_SERVER_PORT=11434]
volumes:
  ollama:
"""
"""As far as an override of `ollama-service` meets it."""


class Tagged:
    def __init__(self, tag: str, value: Any) -> None:
        self.tag = tag
        self.value = value


class Loader(yaml.SafeLoader):
    """Knows Compose's tags."""


def _tagged(loader: Loader, tag: str, node: yaml.Node) -> Tagged:
    if isinstance(node, yaml.MappingNode):
        return Tagged(tag, loader.construct_mapping(node, deep=True))
    if isinstance(node, yaml.SequenceNode):
        return Tagged(tag, loader.construct_sequence(node, deep=True))
    return Tagged(tag, None)


Loader.add_multi_constructor("!", _tagged)


def merged(below: Any, above: Any) -> Any:
    """Mappings are merged, lists put together, the rest replaced; a tag says otherwise."""
    if isinstance(above, Tagged):
        return above.value
    if isinstance(below, dict) and isinstance(above, dict):
        found = {key: merged(below.get(key), above[key]) for key in above}
        kept = {key: value for key, value in below.items() if key not in above}
        gone = {k for k, v in above.items() if isinstance(v, Tagged) and v.tag == "reset"}
        return {key: value for key, value in (kept | found).items() if key not in gone}
    if isinstance(below, list) and isinstance(above, list):
        return [*below, *above]
    return above


def result() -> dict[str, Any]:
    override = yaml.load(OVERRIDE.read_text(), Loader)
    found: dict[str, Any] = merged(yaml.safe_load(OPEA), override)
    return found


def test_nothing_of_ollama_is_left() -> None:
    service = result()["services"]["ollama-service"]
    assert "ollama-vllm/adapter" in service["image"]
    assert not {"entrypoint", "command"} & service.keys()
    assert [*service["environment"]] == ["VLLM_URL"]
    assert service["volumes"] == ["adapter-state:/state"]


def test_the_others_find_it_where_ollama_was() -> None:
    services = result()["services"]
    assert [port.rsplit(":", 2)[1:] for port in services["ollama-service"]["ports"]] == [
        ["11434", "11434"]
    ]
    asked = dict(row.split("=") for row in services["chatqna-aipc-backend-server"]["environment"])
    assert asked == {"LLM_SERVER_HOST_IP": "ollama-service", "LLM_SERVER_PORT": "11434"}


def test_it_is_hardened_as_in_our_own_stack() -> None:
    for name, ours in (("ollama-service", "adapter"), ("llm", "llm-cpu")):
        service = result()["services"][name]
        for key in ("user", "read_only", "cap_drop", "security_opt", "init", "tmpfs", "pids_limit"):
            assert service[key] == SERVICES[ours][key], (name, key)
        assert service.get("cap_add") == SERVICES[ours].get("cap_add")
        assert service["image"].partition(":")[0] == SERVICES[ours]["image"].partition(":")[0]


def test_every_volume_is_declared() -> None:
    whole = result()
    used = {
        mount.partition(":")[0]
        for service in whole["services"].values()
        for mount in service.get("volumes", ())
    }
    assert used <= whole["volumes"].keys()


def test_the_merged_file_fits_the_schema(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(yaml.safe_dump(result()))
    command = [installed("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_variable_of_ours_is_in_the_how_to() -> None:
    named = {*re.findall(r"\$\{(\w+)", OVERRIDE.read_text())} - {"https_proxy", "no_proxy"}
    page = HOWTO.read_text()
    assert {name for name in named if f"`{name}`" not in page} == set()
