"""One file chooses the versions; Dockerfiles and compose.yaml repeat it."""

from __future__ import annotations

import re

import pytest

from adapter import OLLAMA_VERSION
from tests.compose.compose_file import DOCKERFILES, FOLDER, SERVICES, TEXT, VARIABLE
from tests.support import machine
from tests.support.recordings import RECORDINGS

VERSIONS = dict(re.findall(r"^(\w+)=(\S+)$", (FOLDER / "versions.env").read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", sorted(DOCKERFILES))
def test_a_dockerfile_builds_on_the_chosen_image(name: str) -> None:
    text = DOCKERFILES[name].read_text()
    for variable, default in re.findall(r"^ARG (\w+)=(\S+)$", text, re.MULTILINE):
        assert VERSIONS[variable] == default
    bases = {*re.findall(r"^FROM (\S+)", text, re.MULTILINE)}
    assert bases == {
        f"${{{variable}}}" for variable in re.findall(r"^ARG (\w+)=", text, re.MULTILINE)
    }
    assert "# syntax=" not in text.splitlines()[0]


def test_compose_hands_the_choice_to_every_build() -> None:
    given = {
        (name, argument)
        for name, service in SERVICES.items()
        for argument in service.get("build", {}).get("args", ())
    }
    assert given == {
        ("adapter", "PYTHON_IMAGE"),
        ("llm-cpu", "VLLM_CPU_IMAGE"),
        ("llm-gpu", "VLLM_GPU_IMAGE"),
        ("llm-hpu", "VLLM_HPU_IMAGE"),
        ("calibrate-hpu", "VLLM_HPU_IMAGE"),
        ("vision", "OLLAMA_IMAGE"),
        ("phase1", "OLLAMA_IMAGE"),
        ("rag", "PYTHON_IMAGE"),
        ("rag-chatqna", "PYTHON_IMAGE"),
    }


def test_an_image_of_ours_is_built_by_a_service_of_each_profile_that_uses_it() -> None:
    """Else Compose would ask a registry for it."""
    for service in SERVICES.values():
        if service["image"].startswith("ollama-vllm/"):
            for profile in service["profiles"]:
                builders = [
                    one
                    for one in SERVICES.values()
                    if profile in one["profiles"]
                    and one["image"] == service["image"]
                    and "build" in one
                ]
                assert builders, (service["image"], profile)


def test_images_that_are_not_built_are_the_chosen_ones() -> None:
    used = {name: default for name, default in VARIABLE.findall(TEXT) if name.endswith("_IMAGE")}
    official = ("PGVECTOR_IMAGE", "PROMETHEUS_IMAGE", "GRAFANA_IMAGE")
    assert used == {name: VERSIONS[name] for name in official}


@pytest.mark.parametrize("name", sorted(VERSIONS))
def test_no_version_is_left_open(name: str) -> None:
    tag = VERSIONS[name].rpartition(":")[2]
    pinned_by_its_path = re.search(r"/\d+\.\d+\.\d+/", VERSIONS[name])
    assert re.search(r"\d+\.\d+", tag) or (tag == "latest" and pinned_by_its_path)


def test_the_vllm_of_the_images_is_the_one_that_is_tested() -> None:
    told = re.search(r"vLLM (\d+\.\d+\.\d+)", (RECORDINGS / "README.md").read_text())
    assert told is not None
    installed = machine.ROOT / "vllm_image" / "cpu" / "requirements.in"
    assert f"=={told[1]}" in installed.read_text()
    for name in ("VLLM_CPU_IMAGE", "VLLM_GPU_IMAGE"):
        assert re.search(rf":v{re.escape(told[1])}(-|$)", VERSIONS[name])


def test_the_ollama_beside_is_the_one_whose_api_is_spoken() -> None:
    assert VERSIONS["OLLAMA_IMAGE"].rpartition(":")[2] == OLLAMA_VERSION
