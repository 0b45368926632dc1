from __future__ import annotations

from pathlib import Path

import pytest
from launcher import engine_settings
from launcher.engine_settings import options, read, served, values
from launcher.errors import CannotRun

HUB = {"MODEL": "Qwen/Qwen2.5-0.5B-Instruct"}


def test_a_model_is_enough() -> None:
    settings = read(HUB)
    assert settings.folder == Path("/models/Qwen--Qwen2.5-0.5B-Instruct")
    assert settings.served == ("qwen2.5:0.5b",)
    assert (settings.host, settings.port, settings.tensor_parallel) == ("0.0.0.0", 8000, 1)
    assert (settings.dtype, settings.quantization, settings.context_length) == ("", "", None)


def test_every_name_in_use_is_read() -> None:
    settings = read(
        {
            "MODEL_NAME": "org/m",
            "VLLM_DTYPE": "float32",
            "VLLM_QUANTIZATION": "awq",
            "VLLM_TP_SIZE": "2",
            "VLLM_MAX_NUM_SEQS": "64",
            "GPU_MEMORY_UTILIZATION": "0.7",
            "MAX_MODEL_LEN": "2048",
        }
    )
    assert (settings.model, settings.dtype, settings.quantization) == ("org/m", "float32", "awq")
    assert (settings.tensor_parallel, settings.sequences) == (2, 64)
    assert (settings.gpu_memory, settings.context_length) == (0.7, 2048)


def test_newer_names_come_first() -> None:
    settings = read({**HUB, "MODEL_NAME": "old/m", "DTYPE": "float32", "VLLM_DTYPE": "bfloat16"})
    assert settings.model == HUB["MODEL"]
    assert settings.dtype == "float32"


@pytest.mark.parametrize(
    ("asked", "names"),
    [("llm", ("llm",)), ("llm llama2:7b", ("llm", "llama2:7b")), ("a,b, c", ("a", "b", "c"))],
)
def test_several_names_can_be_served(asked: str, names: tuple[str, ...]) -> None:
    assert served({**HUB, "SERVED_MODEL_NAME": asked}) == names


def test_a_folder_is_served_under_its_own_name() -> None:
    assert served({"MODEL": "/data/My_Model"}) == ("my_model:latest",)


def test_what_is_said_to_vllm_itself_counts_first() -> None:
    extra = "--dtype=float32 --max_model_len 4k -q gptq"
    settings = read({**HUB, "DTYPE": "bfloat16", "MAX_MODEL_LEN": "1", "VLLM_EXTRA_ARGS": extra})
    assert (settings.dtype, settings.context_length) == ("float32", 4000)
    assert settings.quantization == "gptq"


def test_sizes_said_to_vllm_itself_are_reckoned_with() -> None:
    settings = read({**HUB, "VLLM_EXTRA_ARGS": "-tp 2 --max-num-seqs 8", "MAX_NUM_SEQS": "4"})
    assert (settings.tensor_parallel, settings.sequences) == (2, 8)


def test_extra_arguments_are_parted_as_a_shell_would() -> None:
    extra = read({**HUB, "VLLM_EXTRA_ARGS": """--a '{"b": 1}' --c"""}).extra
    assert extra == ("--a", '{"b": 1}', "--c")


def test_options_are_found_as_vllm_reads_them() -> None:
    given = ("--max_model_len", "5", "--json.key.sub=1", "--list.x+", "v", "-tp", "2", "-O3", "-1")
    assert options(given) == ["--max-model-len", "--json", "--list", "-tp", "-O"]
    assert values(("--a", "-1", "--b", "--c=d=e")) == {"--a": "-1", "--b": "", "--c": "d=e"}


def test_old_switch_for_fp8_on_gaudi() -> None:
    assert read({**HUB, "IF_FP8_QUANTIZATION": "true"}).quantization == "inc"


@pytest.mark.parametrize("text", ["none", "Off"])
def test_parsers_can_be_named_or_left_out(text: str) -> None:
    settings = read({**HUB, "TOOL_CALL_PARSER": text, "REASONING_PARSER": "deepseek_r1"})
    assert (settings.tool_parser, settings.reasoning_parser) == ("", "deepseek_r1")
    assert read(HUB).tool_parser is None


@pytest.mark.parametrize(
    ("env", "text"),
    [
        ({}, "MODEL"),
        ({**HUB, "LLM_DEVICE": "tpu"}, "LLM_DEVICE is none of cpu, gpu and hpu: tpu"),
        ({**HUB, "MAX_MODEL_LEN": "many"}, "MAX_MODEL_LEN is no number of tokens: many"),
        ({**HUB, "GPU_MEMORY_UTILIZATION": "90"}, "is no share between 0 and 1: 90"),
        ({**HUB, "GPU_MEMORY_UTILIZATION": "much"}, "is no share between 0 and 1: much"),
        ({**HUB, "TENSOR_PARALLEL_SIZE": "0"}, "is no whole number above 0: 0"),
        ({**HUB, "ENGINE_PORT": "99999"}, "ENGINE_PORT is no port: 99999"),
        ({**HUB, "VLLM_EXTRA_ARGS": "--port 1"}, "instead of --port set ENGINE_PORT"),
        ({**HUB, "VLLM_EXTRA_ARGS": "--api_key=k"}, "instead of --api-key set VLLM_API_KEY"),
        ({**HUB, "VLLM_EXTRA_ARGS": "--a 'b"}, "VLLM_EXTRA_ARGS has an open quotation mark"),
        ({**HUB, "VLLM_EXTRA_ARGS": "--max-model-len x"}, "--max-model-len is no number"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(env: dict[str, str], text: str) -> None:
    with pytest.raises(CannotRun, match=text):
        read(env)


def test_the_address() -> None:
    assert engine_settings.address({}).url == "http://127.0.0.1:8000"
    assert engine_settings.address({"ENGINE_HOST": "::", "ENGINE_PORT": "81"}).url == (
        "http://[::1]:81"
    )
