"""The stack's shell scripts, where they need no daemon."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.compose.compose_file import FOLDER
from tests.support import machine

VISION = machine.ROOT / "vision"
OWN = (".env", "secrets", "compose.override.yaml")
RECORDER = """#!/bin/sh
echo "$@" >> {calls}
echo "ADAPTER_FILE=${{ADAPTER_FILE:-}}" >> {calls}
case " $* " in *" ${{REFUSED:-none}} "*) exit 17 ;; esac
"""


@pytest.fixture
def compose(tmp_path: Path) -> Path:
    """A copy of the folder, without what somebody made in it."""
    folder = tmp_path / "compose"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns(*OWN))
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
    assert {oct(file.stat().st_mode)[-3:] for file in secrets.iterdir()} == {"644"}
    assert oct(secrets.stat().st_mode)[-3:] == "700"


def test_a_machine_without_docker_is_told_what_to_do(compose: Path) -> None:
    script = str(compose / "tools" / "stack.sh")
    done = run("sh", script, "up", "cpu", DOCKER_COMPOSE="/nowhere/docker compose")
    assert done.returncode == 78
    assert "`docker compose` does not work here" in done.stderr
    assert "`make serve`, which needs no Docker" in done.stderr


class Recorder:
    """Stands where `docker compose` is, and writes down how it is called."""

    def __init__(self, compose: Path) -> None:
        self.script = compose / "tools" / "stack.sh"
        self.calls = compose.parent / "calls"
        self.program = compose.parent / "recorder"
        self.program.write_text(RECORDER.format(calls=self.calls))
        self.program.chmod(0o755)

    def tried(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        settings = {"DOCKER_COMPOSE": str(self.program)} | environ
        return run("sh", str(self.script), *arguments, **settings)

    def lines(self) -> list[str]:
        """What it was called with, after the options that are always the same."""
        said = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [line.partition("compose.yaml ")[2] for line in said if "compose.yaml " in line]


@pytest.fixture
def recorder(compose: Path) -> Recorder:
    return Recorder(compose)


def options(*profiles: str) -> str:
    return " ".join(f"--profile {name}" for name in profiles)


EVERY = options(
    *("calibrate", "phase1", "monitoring", "rag-split", "rag", "vision", "hpu", "gpu", "cpu")
)
SPLIT = "rag-db rag-chatqna rag-dataprep rag-retriever rag-embedding rag-reranker rag-llm"


def test_images_come_before_anything_is_stopped(recorder: Recorder) -> None:
    assert recorder.tried("up", "cpu,monitoring").returncode == 0
    chosen = options("monitoring", "cpu")
    assert recorder.lines() == [
        f"{chosen} build",
        f"{chosen} pull --policy missing prometheus grafana",
        f"{EVERY} rm --stop --force llm-gpu fetch-gpu llm-hpu fetch-hpu vision vision-preload "
        f"rag {SPLIT} phase1 phase1-preload calibrate-hpu",
        f"{chosen} up --detach --no-build",
    ]


@pytest.mark.parametrize("step", ["build", "pull"])
def test_nothing_is_stopped_when_an_image_cannot_be_had(recorder: Recorder, step: str) -> None:
    assert recorder.tried("up", "cpu,monitoring", REFUSED=step).returncode == 17
    assert recorder.lines()[-1].split()[4] == step


def test_phase_1_leaves_vision_documents_and_monitoring_as_they_are(recorder: Recorder) -> None:
    assert recorder.tried("phase1").returncode == 0
    build, remove, start = recorder.lines()
    assert build == "--profile phase1 build"
    assert start == "--profile phase1 up --detach --no-build"
    assert remove.endswith(
        " rm --stop --force adapter llm-cpu fetch-cpu llm-gpu fetch-gpu llm-hpu fetch-hpu "
        "calibrate-hpu"
    )


def test_phase_1_with_documents_leaves_the_other_kind_no_port(recorder: Recorder) -> None:
    assert recorder.tried("phase1", "rag").returncode == 0
    removed = recorder.lines()[1].partition("--force")[2].split()
    assert "rag-db" in removed
    assert "vision" not in removed


def test_a_setting_in_quotes_or_with_a_remark_is_its_value(
    recorder: Recorder, compose: Path
) -> None:
    for line in ('ADAPTER_FILE=""', "ADAPTER_FILE= # none of my own"):
        (compose / ".env").write_text(f"{line}\n")
        assert recorder.tried("up", "cpu,vision").returncode == 0
        assert recorder.calls.read_text().splitlines()[-1] == "ADAPTER_FILE=./adapter.toml"


def test_phase_1_with_vision(recorder: Recorder) -> None:
    assert recorder.tried("phase1", "vision,monitoring").returncode == 0
    chosen = options("monitoring", "vision", "phase1")
    assert recorder.lines()[-1] == f"{chosen} up --detach --no-build"


@pytest.mark.parametrize(
    ("profiles", "said"),
    [
        ("phase1,cpu", "phase1 and cpu want the same port: choose one of them"),
        ("cpu phase1", "cpu and phase1 want the same port"),
        ("cpu,gpu", "cpu and gpu want the same port"),
        ("vision, hpu,phase1", "hpu and phase1 want the same port"),
        ("cpu,cqu", "unknown profile: cqu; there are: cpu gpu hpu"),
        ("cpu,vision,rag,rag-split", "rag and rag-split want the same port"),
        ("vision,rag", "rag needs the adapter before it: choose one of cpu, gpu, hpu and phase1"),
        ("cpu,rag", "rag needs a model that makes vectors: choose vision, too"),
        (",", "which profiles?"),
        ("", "which profiles?"),
    ],
)
def test_profiles_that_cannot_be_together(recorder: Recorder, profiles: str, said: str) -> None:
    done = recorder.tried("up", profiles)
    assert done.returncode == 78
    assert said in done.stderr
    assert recorder.lines() == []


@pytest.mark.parametrize(
    ("profiles", "file"),
    [
        (("cpu",), "./adapter.llm.toml"),
        (("cpu,vision",), "./adapter.toml"),
        (("vision", "cpu"), "./adapter.toml"),
        (("vision cpu",), "./adapter.toml"),
        (("cpu,vision,rag",), "./adapter.rag.toml"),
        (("rag-split,gpu,vision",), "./adapter.rag.toml"),
    ],
)
def test_the_adapters_settings_fit_the_profiles(
    recorder: Recorder, profiles: tuple[str, ...], file: str
) -> None:
    assert recorder.tried("up", *profiles).returncode == 0
    assert recorder.calls.read_text().splitlines()[-1] == f"ADAPTER_FILE={file}"


def test_the_adapters_settings_in_env_win(recorder: Recorder, compose: Path) -> None:
    (compose / ".env").write_text("ADAPTER_FILE=./mine.toml\n")
    assert recorder.tried("up", "cpu,vision").returncode == 0
    assert recorder.calls.read_text().splitlines()[-1] == "ADAPTER_FILE="


def test_answers_from_documents_can_do_without_the_vision_ollama(
    recorder: Recorder, compose: Path
) -> None:
    (compose / ".env").write_text("ADAPTER_FILE=./mine.toml\n")
    assert recorder.tried("up", "cpu,rag").returncode == 0


def test_the_image_of_the_database_is_fetched_before_anything_is_stopped(
    recorder: Recorder,
) -> None:
    assert recorder.tried("up", "cpu,vision,rag-split,monitoring").returncode == 0
    chosen = options("monitoring", "rag-split", "vision", "cpu")
    assert recorder.lines()[1] == f"{chosen} pull --policy missing rag-db prometheus grafana"
    stale = recorder.lines()[2].split()
    assert "rag" in stale
    assert "rag-db" not in stale


def test_settings_come_after_versions_and_a_file_of_ones_own_after_ours(
    recorder: Recorder, compose: Path
) -> None:
    (compose / ".env").touch()
    (compose / "compose.override.yaml").touch()
    assert recorder.tried("compose", "logs", "-f", "fetch-cpu").returncode == 0
    assert recorder.calls.read_text().splitlines()[-2] == (
        f"--project-directory {compose} --env-file {compose}/versions.env "
        f"--env-file {compose}/.env -f {compose}/compose.yaml "
        f"-f {compose}/compose.override.yaml {EVERY} logs -f fetch-cpu"
    )


def test_phase_1_without_a_language_model_is_warned_of(recorder: Recorder, compose: Path) -> None:
    assert "PHASE1_MODELS" not in recorder.tried("phase1").stderr  # the example names one
    (compose / ".env").write_text("PHASE1_MODELS=\n")
    assert "PHASE1_MODELS is empty" in recorder.tried("phase1").stderr


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
