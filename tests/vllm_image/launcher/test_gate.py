from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from launcher import gate

from tests.vllm_image.launcher.tensors import EMPTY, safetensors

SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
INDEX = "model.safetensors.index.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Complete, in two shards."""
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "tokenizer.json").write_text("{}")
    index = {"weight_map": {"a": SHARDS[0], "b": SHARDS[1], "c": SHARDS[1]}}
    (tmp_path / INDEX).write_text(json.dumps(index))
    for name in SHARDS:
        (tmp_path / name).write_bytes(safetensors(1000))
    return tmp_path


def test_a_complete_model_has_no_faults(folder: Path) -> None:
    assert gate.faults(folder) == []


def test_an_empty_folder_lacks_everything(tmp_path: Path) -> None:
    assert [fault.split(" (")[0] for fault in gate.faults(tmp_path)] == [
        "it lacks config.json",
        "it lacks a tokenizer file",
        "it lacks weights",
    ]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("config.json", "it lacks config.json"),
        ("tokenizer.json", "it lacks a tokenizer file (tokenizer.json, tokenizer.model, ...)"),
        (SHARDS[1], f"it lacks {SHARDS[1]}"),
    ],
)
def test_a_file_that_is_missing(folder: Path, name: str, fault: str) -> None:
    (folder / name).unlink()
    assert gate.faults(folder) == [fault]


def test_a_missing_shard_is_seen_without_an_index(folder: Path) -> None:
    (folder / INDEX).unlink()
    (folder / SHARDS[0]).unlink()
    assert gate.faults(folder) == [f"it lacks {SHARDS[0]}"]


def test_a_missing_shard_is_seen_by_the_index_alone(folder: Path) -> None:
    (folder / INDEX).write_text('{"weight_map": {"a": "other.safetensors"}}')
    assert gate.faults(folder) == [f"it lacks other.safetensors, which {INDEX} names"]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"weight_map": {}}', '{"weight_map": 1}'])
def test_an_index_that_is_none(folder: Path, text: str) -> None:
    (folder / INDEX).write_text(text)
    (fault,) = gate.faults(folder)
    assert fault.startswith(f"{INDEX} can't be read")


@pytest.mark.parametrize(("text", "words"), [("{", "can't be read"), ("[]", "no JSON object")])
def test_a_configuration_that_is_none(folder: Path, text: str, words: str) -> None:
    (folder / "config.json").write_text(text)
    (fault,) = gate.faults(folder)
    assert words in fault


@pytest.mark.parametrize("change", [-10, 10])
def test_a_shard_of_another_length_than_its_header_says(folder: Path, change: int) -> None:
    data = safetensors(1000)
    (folder / SHARDS[0]).write_bytes(data[:change] if change < 0 else data + b"x" * change)
    assert gate.faults(folder) == [
        f"{SHARDS[0]} has {len(data) + change} bytes, its header wants {len(data)}"
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cut short"),
        (b"\x02\0\0", "cut short"),
        (safetensors(1000)[:20], "cut short"),
        (b"\xff" * 100, "cut short"),
        (b"<html>log in</html>" * 10, "cut short"),
        (b"\x02\0\0\0\0\0\0\0[]", "header that can't be read"),
        (b"\x02\0\0\0\0\0\0\0{{", "header that can't be read"),
    ],
)
def test_a_shard_that_is_none(folder: Path, data: bytes, words: str) -> None:
    (folder / SHARDS[0]).write_bytes(data)
    (fault,) = gate.faults(folder)
    assert fault.startswith(SHARDS[0])
    assert words in fault


@pytest.mark.parametrize(
    "name",
    [
        "model.safetensors.cc6f2Df5",
        "config.json.tmp",
        "x.part",
        "x.partial",
        "x.incomplete",
        ".model.safetensors.Xa3b9Q",
    ],
)
def test_a_name_that_something_is_still_writing(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"")
    assert gate.faults(folder) == [f"{name} is the name of a file that something is still writing"]


def test_the_verdict_on_faults() -> None:
    folder, broken = Path("/m/llama"), "it lacks config.json"
    assert gate.verdict(folder, [broken], "folder") == (
        78,
        "/m/llama is not a complete model: it lacks config.json; copy it again",
    )
    assert gate.verdict(folder, [broken], "hub")[0] == 78
    writing = gate.unfinished(["x.part"])
    code, sentence = gate.verdict(folder, [broken, *writing], "folder")
    assert code == 75
    assert sentence == (
        "a copy into /m/llama is under way, or broke off: x.part is the name of a file that "
        "something is still writing; if nothing does, copy it again"
    )


@pytest.mark.parametrize(
    "name", ["README.markdown", ".gitattributes", "chat.template", "LICENSE", "x.safetensors"]
)
def test_names_that_are_none_of_these(folder: Path, name: str) -> None:
    (folder / name).write_bytes(EMPTY)
    assert gate.faults(folder) == []


def test_what_lies_in_hidden_folders_does_not_count(folder: Path) -> None:
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x.incomplete").touch()
    assert gate.faults(folder) == []


def test_pytorchs_own_format_counts_where_there_is_no_other(folder: Path) -> None:
    for name in (*SHARDS, INDEX):
        (folder / name).unlink()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("data", b"w" * 500)
    weights = folder / "pytorch_model.bin"
    weights.write_bytes(archive.getvalue())
    assert gate.faults(folder) == []
    weights.write_bytes(archive.getvalue()[:-40])
    assert gate.faults(folder) == ["pytorch_model.bin is cut short: its directory is missing"]
    weights.write_bytes(b"")
    assert gate.faults(folder) == ["pytorch_model.bin is empty"]


def test_the_index_of_another_format_says_nothing(folder: Path) -> None:
    (folder / "pytorch_model.bin.index.json").write_text('{"weight_map": {"a": "x.bin"}}')
    assert gate.faults(folder) == []


def test_a_link_to_nothing_is_no_file(folder: Path) -> None:
    (folder / SHARDS[0]).unlink()
    (folder / SHARDS[0]).symlink_to("nowhere")
    assert gate.faults(folder) == [f"it lacks {SHARDS[0]}"]
