from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from launcher import contents

from tests.vllm_image.launcher.tensors import safetensors

CONFIG = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(safetensors(1000))
    return tmp_path


def test_a_whole_model(model: Path) -> None:
    found = contents.read(model)
    assert (found.there, found.ready, found.faults) == (True, True, ())
    assert found.config == CONFIG
    assert found.size == len(safetensors(1000))


def test_nothing_there(tmp_path: Path) -> None:
    assert not contents.read(tmp_path).there
    assert not contents.read(tmp_path / "none").there


def test_half_of_it(model: Path) -> None:
    (model / "model.safetensors").write_bytes(safetensors(1000)[:-1])
    found = contents.read(model)
    assert (found.there, found.ready) == (True, False)
    assert "model.safetensors" in found.faults[0]


def test_what_may_not_be_read_is_named(model: Path) -> None:
    found = contents.read(model, may_read=lambda path: path.suffix != ".safetensors")
    assert found.unreadable == str(model / "model.safetensors")


@pytest.mark.parametrize(
    ("files", "has"),
    [
        ({}, False),
        ({"chat_template.jinja": ""}, True),
        ({"tokenizer_config.json": {"chat_template": "{{ x }}"}}, True),
        ({"tokenizer_config.json": {"chat_template": None}}, False),
        ({"tekken.json": {}}, True),
    ],
)
def test_chat_templates(model: Path, files: dict[str, Any], has: bool) -> None:
    for name, value in files.items():
        (model / name).write_text(json.dumps(value))
    assert contents.read(model).template is has


def test_a_configuration_that_is_none(model: Path) -> None:
    (model / "config.json").write_text("[1]")
    assert contents.read(model).config == {}
