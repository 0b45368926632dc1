"""The script that the engine's Python runs, with the real library, against a hub on loopback."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from launcher import download, hub, settings

from tests.support import machine
from tests.vllm_image.launcher import fake_hub

pytestmark = pytest.mark.vllm


@pytest.mark.parametrize(
    ("model", "code"),
    [
        (fake_hub.OPEN, 0),
        (fake_hub.GATED, download.CLOSED),
        ("org/nothing", download.UNKNOWN),
    ],
)
def test_the_exit_code_tells_how_it_went(tmp_path: Path, model: str, code: int) -> None:
    assert fetch(tmp_path, model).returncode == code


def test_what_it_fetched_is_a_complete_model_in_the_cache(tmp_path: Path) -> None:
    assert fetch(tmp_path, fake_hub.OPEN, "*.bin", "*.gguf").returncode == 0
    place = settings.read({"HOME": str(tmp_path)}, tmp_path).hub
    folder = hub.cached(place, fake_hub.OPEN)
    assert folder is not None
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    }
    assert hub.bytes_in_cache(place, fake_hub.OPEN) > 3_000_000


def fetch(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [machine.vllm_python(), "-P", download.__file__, *arguments]
    with fake_hub.running() as url:
        env = machine.clean_environ(HOME=str(home), HF_ENDPOINT=url, HF_HUB_DISABLE_XET="1")
        env.pop("HF_HOME", None)
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)
