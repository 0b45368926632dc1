"""The stack's shell scripts, where they need no daemon."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.compose.compose_file import FOLDER
from tests.support import machine

VISION = machine.ROOT / "vision"


@pytest.fixture
def compose(tmp_path: Path) -> Path:
    """A copy of the folder, without what somebody made in it."""
    folder = tmp_path / "compose"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns(".env", "secrets"))
    return folder


def run(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=machine.clean_environ(**environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_prepare_makes_settings_and_secrets_once(compose: Path) -> None:
    script = str(compose / "tools" / "prepare.sh")
    assert run("sh", script, HF_TOKEN="a-token").returncode == 0
    secrets = compose / "secrets"
    assert (secrets / "hf_token").read_text() == "a-token"
    assert len((secrets / "grafana_password").read_text()) == 36
    (compose / ".env").write_text("MODEL=mine\n")
    again = run("sh", script, HF_TOKEN="another")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert (compose / ".env").read_text() == "MODEL=mine\n"
    assert (secrets / "hf_token").read_text() == "a-token"
    assert {oct(file.stat().st_mode)[-3:] for file in secrets.iterdir()} == {"444"}
    assert oct(secrets.stat().st_mode)[-3:] == "700"


def test_a_machine_without_docker_is_told_what_to_do(compose: Path) -> None:
    script = str(compose / "tools" / "stack.sh")
    done = run("sh", script, "up", "cpu", DOCKER_COMPOSE="/nowhere/docker compose")
    assert done.returncode == 78
    assert "`docker compose` does not work here" in done.stderr
    assert "`make serve`, which needs no Docker" in done.stderr


def test_without_an_intent_they_are_listed(compose: Path) -> None:
    done = run("sh", str(compose / "tools" / "stack.sh"))
    assert done.returncode == 64
    assert "stack.sh up cpu,vision" in done.stdout


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({}, ["llava:7b", "nomic-embed-text:latest"]),
        ({"WANTED_MODELS": " a  b:7\nc "}, ["a:latest", "b:7", "c:latest"]),
    ],
)
def test_wanted_models(environ: dict[str, str], names: list[str]) -> None:
    settings = {"WANTED_FILE": str(VISION / "models.txt")} | environ
    done = run("sh", str(VISION / "wanted.sh"), **settings)
    assert done.stdout.split() == names
