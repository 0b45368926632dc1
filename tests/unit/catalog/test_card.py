from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.catalog.card import read_card
from adapter.translate.models import Card
from adapter.translate.untold import UNKNOWN
from tests.unit.strategies import JSON


def safetensors(*shapes: list[int]) -> bytes:
    """A file of zeros in bfloat16, as the format's specification has it."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for number, shape in enumerate(shapes):
        size = 2
        for length in shape:
            size *= length
        header[f"t{number}"] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(at)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = {
        "model_type": "llama",
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "torch_dtype": "bfloat16",
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model-1.safetensors").write_bytes(safetensors([100, 20], [3]))
    (tmp_path / "model-2.safetensors").write_bytes(safetensors([500]))
    return tmp_path


def test_a_folder_of_this_machine(folder: Path):
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    second = 1_795_227_526
    for days, file in enumerate(sorted(folder.iterdir())):
        os.utime(file, ns=(0, (second - 86_400 * days) * 10**9 + 5))
    os.utime(folder)
    assert read_card(str(folder), "x") == Card(
        family="llama",
        parameter_count=2503,
        parameter_size="2.50K",
        quantization="BF16",
        size=size,
        embedding_length=64,
        block_count=2,
        modified_at="2026-11-21T02:18:46.000000005Z",
    )


def test_a_model_is_as_new_as_the_newest_of_its_files(folder: Path):
    """Not as old as it was when it was first seen: another process would tell another date."""
    for file in folder.iterdir():
        os.utime(file, ns=(0, 10**9))
    os.utime(folder / "model-2.safetensors", ns=(0, 3 * 10**9))
    (folder / "LICENSE").write_text("changes nothing")
    assert read_card(str(folder), "x").modified_at == "1970-01-01T00:00:03.000000000Z"
    os.utime(folder / "config.json", ns=(0, 4 * 10**9))
    assert read_card(str(folder), "x").modified_at == "1970-01-01T00:00:04.000000000Z"


@pytest.mark.parametrize(
    ("root", "served_name", "size"),
    [
        ("Qwen/Qwen2.5-0.5B-Instruct", "x", "0.5B"),
        ("x", "smollm2-135m", "135M"),
        ("TinyLlama-1.1b-chat", "y-7B", "1.1B"),
        ("/models/llama-7b", "x", "7B"),
        ("Mixtral-8x7B", "x", UNKNOWN),
        ("x", "", UNKNOWN),
        ("bert-base", "bert", UNKNOWN),
        ("models/there-is-none", "x", UNKNOWN),
    ],
)
def test_of_a_model_elsewhere_only_its_name_tells(root: str, served_name: str, size: str):
    assert read_card(root, served_name) == Card(parameter_size=size)


@pytest.mark.parametrize(
    ("shape", "spelled"),
    [
        ([7], "7"),
        ([999], "999"),
        ([1000], "1.00K"),
        ([494, 10**3, 10**3], "494.00M"),
        ([76, 10**8], "7.6B"),
    ],
)
def test_sizes_as_ollama_spells_them(folder: Path, shape: list[int], spelled: str):
    for file in folder.glob("*.safetensors"):
        file.unlink()
    header = json.dumps({"t": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}}).encode()
    (folder / "m.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    assert read_card(str(folder), "x").parameter_size == spelled


@pytest.mark.parametrize(
    ("more", "quantization"),
    [
        ({"torch_dtype": "float16"}, "F16"),
        ({"torch_dtype": None, "dtype": "float32"}, "F32"),
        ({"torch_dtype": "float8"}, "float8"),
        ({"torch_dtype": None}, UNKNOWN),
        ({"quantization_config": {"quant_method": "awq"}}, "AWQ"),
        ({"quantization_config": None}, "BF16"),
        ({"quantization_config": {}}, "BF16"),
    ],
)
def test_quantization(folder: Path, more: dict[str, Any], quantization: str):
    config = json.loads((folder / "config.json").read_bytes()) | more
    (folder / "config.json").write_text(json.dumps(config))
    assert read_card(str(folder), "x").quantization == quantization


def test_a_vision_model_keeps_its_numbers_in_text_config(folder: Path):
    config = {"model_type": "vlm", "text_config": {"hidden_size": 32, "num_hidden_layers": 4}}
    (folder / "config.json").write_text(json.dumps(config))
    card = read_card(str(folder), "x")
    assert (card.family, card.embedding_length, card.block_count) == ("vlm", 32, 4)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        struct.pack("<Q", 2**62),
        struct.pack("<Q", 5) + b"{bad}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 7) + b'{"a":5}',
        struct.pack("<Q", 13) + b'{"a":{"s":5}}',
        struct.pack("<Q", 17) + b'{"a":{"shape":5}}',
    ],
)
def test_a_damaged_weights_file_counts_for_nothing(folder: Path, data: bytes):
    for file in folder.glob("*.safetensors"):
        file.write_bytes(data)
    card = read_card(str(folder), "x")
    assert (card.parameter_count, card.parameter_size) == (None, UNKNOWN)


@pytest.mark.parametrize("config", [b"", b"{bad", b"[]", b"5", b"null", b"\xff"])
def test_a_damaged_config_tells_nothing(folder: Path, config: bytes):
    (folder / "config.json").write_bytes(config)
    card = read_card(str(folder), "x")
    assert (card.family, card.embedding_length, card.quantization) == (UNKNOWN, None, UNKNOWN)
    assert card.parameter_count == 2503


@pytest.mark.parametrize("name", ["LICENSE", "LICENSE.txt", "LICENSE.md"])
def test_the_licence_beside_the_weights(folder: Path, name: str):
    assert read_card(str(folder), "m").license == ""
    (folder / name).write_bytes(b"Do what you want.\xff\n")
    assert read_card(str(folder), "m").license == "Do what you want.\ufffd"


@pytest.mark.parametrize("size", [True, "64", 64.5, -64, 0, None, [64]])
def test_a_size_that_is_none(folder: Path, size: object):
    (folder / "config.json").write_text(json.dumps({"hidden_size": size}))
    assert read_card(str(folder), "x").embedding_length is None


CONFIG_KEYS = ["model_type", "text_config", "hidden_size", "quantization_config", "dtype"]


@given(st.dictionaries(st.sampled_from(CONFIG_KEYS), JSON, max_size=3))
def test_a_config_of_any_shape_makes_a_card(tmp_path_factory, config: dict[str, Any]):
    folder = tmp_path_factory.getbasetemp() / "any-config"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    card = read_card(str(folder), "x")
    assert isinstance(card.family, str)
    assert isinstance(card.quantization, str)
    assert card.embedding_length is None or type(card.embedding_length) is int


def test_a_model_of_the_hub_is_looked_up_in_its_cache(folder: Path, tmp_path: Path):
    cache = tmp_path / "hub"
    snapshots = cache / "models--org--a-7B" / "snapshots"
    snapshots.mkdir(parents=True)
    assert read_card("org/a-7B", "x", str(cache)) == Card(parameter_size="7B")
    (snapshots / "0a1b").symlink_to(folder)
    assert read_card("org/a-7B", "x", str(cache)) == read_card(str(folder), "x")
    assert read_card("org/a-7B", "x").family == UNKNOWN
    assert read_card("../org", "x", str(cache)).family == UNKNOWN
