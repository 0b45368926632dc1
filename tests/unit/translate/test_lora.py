from __future__ import annotations

import re

import pytest

from adapter.errors import BadRequest, RouteMissing, UpstreamAway, UpstreamRefused
from adapter.translate.lora import already_loaded, check_files, engine_name, is_ours, not_loaded
from adapter.translate.refusals import refusal
from adapter.wire.openai import ServedModel
from tests.support.recordings import recording

FILES = {"adapter_config.json": "sha256:1", "adapter_model.safetensors": "sha256:2"}
NAME = engine_name("nat", "/state", FILES)


def refused(name: str):
    found = recording(name)
    return refusal(found.status, found.body)


def test_a_name_stands_for_a_base_a_folder_and_a_content():
    assert re.fullmatch(r"ollama-vllm-lora-[0-9a-f]{32}", NAME)
    assert engine_name("nat", "/state", dict(reversed(FILES.items()))) == NAME
    others = [
        engine_name("other", "/state", FILES),
        engine_name("nat", "/other", FILES),
        engine_name("nat", "/state", FILES | {"adapter_config.json": "sha256:3"}),
    ]
    assert len({NAME, *others}) == 4


def test_which_rows_of_an_engine_are_ours():
    assert is_ours(ServedModel(NAME, parent="nat"))
    assert not is_ours(ServedModel(NAME))
    assert not is_ours(ServedModel("my-lora", parent="nat"))
    assert not is_ours(ServedModel(NAME + "0", parent="nat"))


def test_files_that_are_an_adapter():
    check_files(FILES)
    check_files(FILES | {"tokenizer.json": "", "README.txt": "", "x.safetensors": ""})


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "adapters: adapter_config.json and adapter_model.safetensors missing; "),
        ({"adapter_config.json": ""}, "adapters: adapter_model.safetensors missing; "),
        (FILES | {"lora.GGUF": ""}, "this server runs its models in vLLM, which takes no GGUF"),
        (FILES | {"a.bin": ""}, 'adapters: "a.bin" is no file of a LoRA adapter in safetensors'),
        (FILES | {"../a.json": ""}, 'adapters: "../a.json" is no file'),
        (FILES | {"a/b.json": ""}, 'adapters: "a/b.json" is no file'),
        (FILES | {".json": ""}, 'adapters: ".json" is no file'),
    ],
)
def test_files_that_are_none(files: dict[str, str], message: str):
    with pytest.raises(BadRequest) as error:
        check_files(files)
    assert error.value.message.startswith(message)


def test_what_is_loaded_already():
    assert already_loaded(refused("q3_lora_load_dup"))
    assert not already_loaded(refused("q3_lora_load_missing"))
    assert not already_loaded(UpstreamAway("away"))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            RouteMissing("Not Found", status=404),
            "it loads none: start it with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1",
        ),
        (
            refused("q3_lora_load_missing"),
            "it does not see /f, which must have the same path there",
        ),
        (
            refused("lora_load"),
            "Call to add_lora method failed: Worker failed with error 'LoRA is not enabled. Use "
            "--enable-lora to enable LoRA.', please check the stack trace above for the root cause",
        ),
    ],
)
def test_why_an_engine_loads_nothing(error, reason: str):
    told = not_loaded(error, "llm", "/f")
    assert isinstance(told, UpstreamRefused)
    assert told.status == 500
    assert told.message == f"the engine llm can't load the adapter: {reason}"


def test_an_engine_that_is_away_is_just_away():
    away = UpstreamAway("away")
    assert not_loaded(away, "llm", "/f") is away
