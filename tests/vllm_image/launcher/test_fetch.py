"""The engine's Python is a shell script here, which writes a model or ends with a code."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from launcher import download, settings, weights
from launcher.errors import CannotRun, LauncherError, TryAgain
from launcher.fetch import Fetch, config
from launcher.processes import Processes, environment
from launcher.progress import Progress

MAKES_A_MODEL = """
mkdir -p "$3/tiny-chat"
cd "$3/tiny-chat"
echo '{"model_type": "qwen2"}' > config.json
printf '\\002\\0\\0\\0\\0\\0\\0\\0{}' > model.safetensors
"""
FETCHES_A_MODEL = """
cd "$HF_HUB_CACHE"
mkdir -p models--org--m/refs models--org--m/snapshots/abc
printf abc > models--org--m/refs/main
cd models--org--m/snapshots/abc
echo '{}' > config.json
touch tokenizer.json
printf '\\002\\0\\0\\0\\0\\0\\0\\0{}' > model.safetensors
"""
FROM_HUB = weights.Choice("hub", "org/m", "m:latest", 10)

Fetcher = Callable[[str], Fetch]


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def fetcher(tmp_path: Path, said: io.StringIO) -> Fetcher:
    base = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "HF_HUB_CACHE": str(tmp_path)}
    chosen = settings.read(base, tmp_path)

    def with_python(script: str) -> Fetch:
        python = tmp_path / "python"
        python.write_text(f"#!/bin/sh\n{script}")
        python.chmod(0o755)
        env = environment(base, tmp_path)
        return Fetch(chosen, env, Processes(), Progress(said), str(python))

    return with_python


def test_the_demo_is_made_once_and_said_to_be_noise(
    fetcher: Fetcher, said: io.StringIO, tmp_path: Path
) -> None:
    model = fetcher(MAKES_A_MODEL).demo()
    assert (model.name, model.demo, model.size) == ("demo:latest", True, 10)
    assert model.config == {"model_type": "qwen2"}
    assert Path(model.given).is_relative_to(tmp_path / ".venv" / "models")
    assert fetcher("exit 1").demo() == model
    assert "noise" in said.getvalue()


def test_a_demo_that_cannot_be_made_shows_why(fetcher: Fetcher) -> None:
    with pytest.raises(CannotRun, match="could not make the demo") as raised:
        fetcher("echo no torch >&2; exit 1").demo()
    assert raised.value.details == ["no torch"]


def test_a_download_ends_in_the_cache(fetcher: Fetcher) -> None:
    assert fetcher(FETCHES_A_MODEL).real(FROM_HUB).given == "org/m"


def test_a_download_without_weights_is_no_model(fetcher: Fetcher) -> None:
    with pytest.raises(CannotRun, match="not a complete model"):
        fetcher("true").real(FROM_HUB)


@pytest.mark.parametrize(
    ("code", "kind", "word"),
    [
        (download.CLOSED, CannotRun, "licence"),
        (download.UNKNOWN, CannotRun, "no model"),
        (download.NETWORK, TryAgain, "broke off"),
        (1, TryAgain, "broke off"),
    ],
)
def test_the_scripts_exit_code_is_put_into_words(
    fetcher: Fetcher, code: int, kind: type[LauncherError], word: str
) -> None:
    with pytest.raises(kind, match=word):
        fetcher(f"exit {code}").real(FROM_HUB)


def test_a_folder_is_taken_as_it_is(fetcher: Fetcher, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"a": 1}')
    choice = weights.Choice("folder", str(tmp_path), "x:latest", 3, tmp_path)
    assert fetcher("exit 1").real(choice).config == {"a": 1}


def test_a_configuration_that_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CannotRun, match="no JSON"):
        config(tmp_path)
