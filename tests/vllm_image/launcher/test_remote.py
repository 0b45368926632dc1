from __future__ import annotations

import pytest
from launcher import remote
from launcher.remote import File


def names(*given: str) -> list[str]:
    return [file.name for file in remote.needed(File(name, 1, "x") for name in given)]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["model.safetensors", "pytorch_model.bin", "x.gguf"], ["model.safetensors"]),
        (["pytorch_model.bin", "model.onnx"], ["pytorch_model.bin"]),
        (["model.safetensors", "consolidated.safetensors"], ["model.safetensors"]),
        (["consolidated.safetensors"], ["consolidated.safetensors"]),
        (["original/consolidated.pth", "onnx/model.onnx", "config.json"], ["config.json"]),
        (["1_Pooling/config.json", "modules.json"], ["1_Pooling/config.json", "modules.json"]),
        (["model.safetensors.cc6f2Df5", "config.json"], ["config.json"]),
    ],
)
def test_only_what_vllm_reads_comes_along(given: list[str], kept: list[str]) -> None:
    assert names(*given) == kept


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/passwd", "a/../b", "a//b", "a\\b", "a\nb", ".ready.json", ".fetch.json", ""],
)
def test_no_name_leads_out_of_the_folder_or_to_what_the_launcher_keeps(name: str) -> None:
    assert names(name) == []


def test_a_file_that_is_a_folder_too() -> None:
    assert remote.clash(["config.json", "a/b", "a/c/d"]) == ""
    assert remote.clash(["config.json", "config.json/x"]) == "config.json"
    assert remote.clash(["a/b/c/d", "a/b"]) == "a/b"
