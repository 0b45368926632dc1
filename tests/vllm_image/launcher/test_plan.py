from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from launcher import plan
from launcher.hardware import GIB, Machine
from launcher.plan import Engine, Model

WIDE = Machine("x86_64", frozenset({"avx2", "avx512f"}), 8, 32 * GIB, 24 * GIB)
NARROW = replace(WIDE, flags=frozenset({"avx2"}))
OURS = Engine(("python", "vllm"), (0, 32, 0), cpu=True)
GPU = Engine(("vllm",), (0, 33, 0), cpu=False)
QWEN: dict[str, Any] = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "torch_dtype": "bfloat16",
    "max_position_embeddings": 32768,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "hidden_size": 896,
}
CHAT = Model("Qwen/Qwen2.5-0.5B-Instruct", "qwen2.5:0.5b", 988_000_000, QWEN)
BERT = Model("/models/bge", "bge:latest", 1, {"architectures": ["BertModel"]})


def pairs(arguments: list[str]) -> dict[str, str]:
    return dict(pairwise(arguments))


def test_a_chat_model_on_a_cpu() -> None:
    assert plan.arguments(OURS, CHAT, WIDE, 8001, None) == [
        *("serve", "Qwen/Qwen2.5-0.5B-Instruct", "--host", "127.0.0.1", "--port", "8001"),
        *("--served-model-name", "qwen2.5:0.5b", "--enable-prompt-tokens-details"),
        *("--enable-per-request-metrics", "--enable-auto-tool-choice"),
        *("--tool-call-parser", "hermes", "--enforce-eager", "--max-num-seqs", "32"),
        *("--max-model-len", "8192"),
    ]


def test_its_environment() -> None:
    assert plan.environment(OURS, CHAT, WIDE, None) == {
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_MAX_STOP_STRINGS": "64",
        "VLLM_CPU_KVCACHE_SPACE": "4",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "TORCH_COMPILE_DISABLE": "1",
        "OMP_NUM_THREADS": "7",
    }


def test_an_engine_with_a_gpu_gets_no_cpu_settings() -> None:
    arguments = plan.arguments(GPU, CHAT, NARROW, 1, None)
    assert not {"--enforce-eager", "--max-num-seqs", "--dtype", "--max-model-len"} & {*arguments}
    assert not any("CPU" in key or "OMP" in key for key in plan.environment(GPU, CHAT, WIDE, None))


@pytest.mark.parametrize(
    ("version", "asked"), [((0, 31, 1), False), ((0, 32), True), ((0, 33, 0), True), ((1, 0), True)]
)
def test_metrics_are_asked_for_where_they_exist(version: tuple[int, ...], asked: bool) -> None:
    arguments = plan.arguments(replace(GPU, version=version), CHAT, WIDE, 1, None)
    assert ("--enable-per-request-metrics" in arguments) is asked


def test_without_avx512_it_is_float32_and_needs_twice_the_memory() -> None:
    assert pairs(plan.arguments(OURS, CHAT, NARROW, 1, None))["--dtype"] == "float32"
    assert "--dtype" not in plan.arguments(OURS, CHAT, WIDE, 1, None)
    more = plan.memory_needed(CHAT, NARROW) - plan.memory_needed(CHAT, WIDE)
    assert more == pytest.approx(1.15 * CHAT.size, abs=2)


@pytest.mark.parametrize("engine", [OURS, GPU])
def test_ollamas_context_length_is_vllms(engine: Engine) -> None:
    assert pairs(plan.arguments(engine, CHAT, WIDE, 1, 2048))["--max-model-len"] == "2048"


def test_an_embedding_model_gets_neither_parsers_nor_a_length() -> None:
    arguments = plan.arguments(OURS, BERT, WIDE, 1, 2048)
    assert not {"--tool-call-parser", "--enable-auto-tool-choice", "--max-model-len"} & {*arguments}


def test_a_short_window_stays_short() -> None:
    short = replace(CHAT, config={**QWEN, "max_position_embeddings": 2048})
    assert plan.cpu_context(short, WIDE) == 2048


def test_a_window_is_cut_to_what_the_cache_can_hold() -> None:
    large = {**QWEN, "num_hidden_layers": 32, "num_key_value_heads": 32, "hidden_size": 4096}
    large["num_attention_heads"] = 32
    model = replace(CHAT, size=2 * GIB, config=large)
    tight = replace(WIDE, available=8 * GIB)
    assert plan.cache_per_token(model, tight) == GIB // 2048
    assert plan.cpu_context(model, tight) == 2048 * plan.cache_space(model, tight, None)


def test_a_window_asked_for_is_given_the_cache_it_takes() -> None:
    model = replace(CHAT, config={**QWEN, "hidden_size": 8192, "num_key_value_heads": 14})
    assert plan.cache_space(model, WIDE, 32768) == -(
        -32768 * plan.cache_per_token(model, WIDE) // GIB
    )


@pytest.mark.parametrize(("free", "space"), [(2, 1), (6, 1), (8, 3), (24, 4)])
def test_the_cache_grows_with_free_memory_up_to_four(free: int, space: int) -> None:
    assert plan.cache_space(CHAT, replace(WIDE, available=free * GIB), None) == space


def test_the_demo_is_modest() -> None:
    demo = replace(CHAT, demo=True)
    env = plan.environment(OURS, demo, WIDE, None)
    assert (env["VLLM_CPU_KVCACHE_SPACE"], env["OMP_NUM_THREADS"]) == ("1", "1")


@pytest.mark.parametrize(
    ("given", "kind", "tools", "reasoning"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", "qwen2", "hermes", ""),
        ("Qwen/Qwen3-0.6B", "qwen3", "hermes", "qwen3"),
        ("Qwen/Qwen3-4B-Instruct-2507", "qwen3", "hermes", ""),
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen3_moe", "qwen3_coder", ""),
        ("/models/anything", "qwen3", "hermes", "qwen3"),
        ("meta-llama/Llama-3.2-3B-Instruct", "llama", "llama3_json", ""),
        ("TinyLlama/TinyLlama-1.1B-Chat-v1.0", "llama", "", ""),
        ("mistralai/Mistral-7B-Instruct-v0.3", "mistral", "mistral", ""),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "qwen2", "", "deepseek_r1"),
        ("microsoft/phi-2", "phi", "", ""),
    ],
)
def test_parsers_go_by_family(given: str, kind: str, tools: str, reasoning: str) -> None:
    model = Model(given, "n", 1, {"model_type": kind})
    assert plan.parsers(model) == (tools, reasoning)
