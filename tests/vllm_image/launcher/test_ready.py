from __future__ import annotations

import json
from pathlib import Path

import pytest
from launcher import ready
from launcher.errors import CannotRun

from tests.vllm_image.launcher.tensors import safetensors


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(safetensors(10))
    return tmp_path


def test_a_folder_with_a_note_is_ready_while_its_files_are_as_noted(folder: Path) -> None:
    ready.write(folder, "org/m", "abc")
    assert ready.read(folder) == ready.Note(
        "org/m", "abc", {"config.json": 2, "model.safetensors": 80, "tokenizer.json": 2}
    )
    assert ready.ready(folder)
    (folder / "model.safetensors").write_bytes(safetensors(9))
    assert not ready.ready(folder)


def test_a_folder_without_a_note_is_judged_by_the_gate(folder: Path) -> None:
    assert ready.ready(folder)
    (folder / "tokenizer.json").unlink()
    assert not ready.ready(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"source": "a", "revision": "b", "files": 1}'])
def test_a_note_that_is_none_makes_nothing_ready(folder: Path, text: str) -> None:
    (folder / ".ready.json").write_text(text)
    assert not ready.ready(folder)


def test_a_note_of_no_files_makes_nothing_ready(folder: Path) -> None:
    note = {"source": "a", "revision": "b", "files": {}}
    (folder / ".ready.json").write_text(json.dumps(note))
    assert not ready.ready(folder)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert not ready.ready(tmp_path / "no")


def test_the_folder_follows_from_the_environment() -> None:
    assert ready.folder_of({"MODEL": "org/m"}) == Path("/models/org--m")
    with pytest.raises(CannotRun, match="MODEL names no model"):
        ready.folder_of({})
