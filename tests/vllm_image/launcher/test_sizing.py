from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from launcher import sizing
from launcher.engine_settings import EngineSettings, read
from launcher.findings import Findings
from launcher.hardware import GIB, Machine
from launcher.plan import Model
from launcher.sizing import Choice, Threads
from launcher.topology import Topology

WIDE = Machine("x86_64", frozenset({"avx2", "avx512f", "avx512_bf16"}), 8, 32 * GIB, 30 * GIB)
NARROW = replace(WIDE, flags=frozenset({"avx2"}))
CPUS = Topology(cores=tuple(range(8)), quota=None, own_cpus=False, nodes=(32 * GIB,))
SEVEN_B: dict[str, Any] = {
    "architectures": ["Qwen2ForCausalLM"],
    "torch_dtype": "bfloat16",
    "max_position_embeddings": 32768,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "hidden_size": 3584,
}
PER_TOKEN = 2 * 28 * 4 * 128 * 2
MODEL = Model("Qwen2.5-7B-Instruct", "qwen2.5:7b", 15 * GIB, SEVEN_B)


def settings(**env: str) -> EngineSettings:
    return read({"MODEL": "Qwen/Qwen2.5-7B-Instruct", **env})


def chosen(
    found: Findings | None = None,
    model: Model = MODEL,
    machine: Machine = WIDE,
    cpus: Topology = CPUS,
    **env: str,
) -> Choice:
    findings = Findings() if found is None else found
    return sizing.choose(settings(**env), env, model, machine, cpus, findings)


def fault(**env: str) -> str:
    found = Findings()
    chosen(found, **env)
    (only,) = found.faults
    assert only.code == 78
    return only.sentence


def test_with_avx512_it_is_bfloat16() -> None:
    assert chosen().dtype == "bfloat16"


def test_without_it_is_float32_which_is_said() -> None:
    found = Findings()
    assert chosen(found, replace(MODEL, size=GIB), NARROW).dtype == "float32"
    assert "no AVX512" in found.warnings[0]


@pytest.mark.parametrize("asked", ["float32", "bfloat16", "half", "float16"])
def test_the_users_format_wins(asked: str) -> None:
    found = Findings()
    assert chosen(found, replace(MODEL, size=GIB), DTYPE=asked).dtype == asked
    assert any("unsteady" in text for text in found.warnings) is (asked in sizing.HALF)


def test_a_model_kept_in_float16_is_run_in_bfloat16() -> None:
    found = Findings()
    half = replace(MODEL, config={**SEVEN_B, "torch_dtype": "float16"})
    assert chosen(found, half).dtype == "bfloat16"
    assert "kept in float16" in found.warnings[0]


@pytest.mark.parametrize(
    ("cpus", "threads"),
    [
        (CPUS, Threads(None, "auto", 1)),
        (replace(CPUS, cores=(0, 1)), Threads(1, "nobind")),
        (replace(CPUS, cores=(0,)), Threads(1, "nobind")),
        (replace(CPUS, quota=3), Threads(3, "nobind")),
        (replace(CPUS, quota=3, own_cpus=True), Threads(None, "0-2")),
        (replace(CPUS, quota=16), Threads(None, "auto", 1)),
    ],
)
def test_one_thread_for_each_core(cpus: Topology, threads: Threads) -> None:
    assert sizing.binding(settings(), {}, cpus, Findings()) == threads


@pytest.mark.parametrize(
    ("env", "threads"),
    [
        ({"VLLM_CPU_OMP_THREADS_BIND": "0-5"}, Threads(None, "0-5")),
        ({"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "6"}, Threads(6, "nobind")),
        ({"OMP_NUM_THREADS": "6"}, Threads(6, "nobind")),
    ],
)
def test_the_users_threads_win(env: dict[str, str], threads: Threads) -> None:
    assert sizing.binding(settings(), env, CPUS, Findings()) == threads


def test_one_as_a_binding_is_a_mistake_worth_a_warning() -> None:
    found = Findings()
    sizing.binding(settings(), {"VLLM_CPU_OMP_THREADS_BIND": "1"}, CPUS, found)
    assert "all threads share CPU 1" in found.warnings[0]


def test_the_cache_is_what_memory_leaves() -> None:
    # 0.9 x 32 - 1.15 x 15 - 2.2 = 9.35
    assert chosen(MAX_MODEL_LEN="32768").cache == 9


def test_and_no_more_than_all_requests_can_fill() -> None:
    small = replace(MODEL, size=GIB)
    assert chosen(model=small, MAX_MODEL_LEN="1024", MAX_NUM_SEQS="8").cache == 1


def test_and_no_more_than_forty() -> None:
    huge = replace(WIDE, memory=512 * GIB, available=500 * GIB)
    big = replace(CPUS, nodes=(512 * GIB,))
    assert chosen(machine=huge, cpus=big, MAX_MODEL_LEN="32768").cache == 40


def test_too_little_memory_is_refused_with_its_numbers() -> None:
    found = Findings()
    chosen(found, machine=replace(WIDE, memory=16 * GIB, available=15 * GIB))
    (fault,) = found.faults
    assert fault.code == 78
    assert "needs 20.4 GiB of memory (17.2 for weights, 1 of KV cache, 2.2 for itself)" in (
        fault.sentence
    )
    assert "may use 14.4" in fault.sentence


def test_memory_in_use_is_not_yet() -> None:
    found = Findings()
    chosen(found, machine=replace(WIDE, available=12 * GIB))
    (fault,) = found.faults
    assert fault.code == 75
    assert "12.0 of 32.0 GiB are free" in fault.sentence


def test_a_cache_asked_for_is_checked_against_the_limit() -> None:
    assert "40 of KV cache" in fault(VLLM_CPU_KVCACHE_SPACE="40")
    assert chosen(VLLM_CPU_KVCACHE_SPACE="12").cache == 12


def test_a_long_context_is_cut_and_said() -> None:
    found = Findings()
    assert chosen(found).context == 8192
    assert "the context is 8192 tokens where the model takes 32768" in found.warnings[0]


def test_it_is_cut_to_what_the_cache_holds() -> None:
    wide = replace(MODEL, config={**SEVEN_B, "num_key_value_heads": 28})
    assert chosen(model=wide, VLLM_CPU_KVCACHE_SPACE="1").context == GIB // (
        7 * PER_TOKEN * 128
    ) * (128)


def test_a_context_that_the_cache_cannot_hold_is_refused() -> None:
    sentence = fault(MAX_MODEL_LEN="32768", VLLM_CPU_KVCACHE_SPACE="1")
    assert sentence == (
        "MAX_MODEL_LEN=32768 takes 2 GiB of KV cache for one request and there is room for 1; "
        "set it to 18688 or less, or VLLM_CPU_KVCACHE_SPACE=2"
    )


def test_no_cache_is_advised_that_memory_cannot_hold() -> None:
    stretched = replace(MODEL, config={**SEVEN_B, "rope_scaling": {"factor": 4000.0}})
    found = Findings()
    chosen(found, stretched, MAX_MODEL_LEN="100000000", VLLM_CPU_KVCACHE_SPACE="1")
    (refused,) = found.faults
    assert refused.sentence.endswith("set it to 18688 or less")


def test_where_a_model_keeps_less_that_is_a_warning() -> None:
    found = Findings()
    windowed = replace(MODEL, config={**SEVEN_B, "sliding_window": 4096})
    chosen(found, windowed, MAX_MODEL_LEN="32768", VLLM_CPU_KVCACHE_SPACE="1")
    assert not found.faults
    assert "unless the model keeps less" in found.warnings[-1]


def test_an_embedding_model_has_no_context_to_choose() -> None:
    bert = Model("bge", "bge", GIB, {"architectures": ["BertModel"]})
    assert chosen(model=bert, MAX_MODEL_LEN="512").context is None


def test_an_engine_uses_one_node_for_each_worker() -> None:
    two = replace(CPUS, nodes=(16 * GIB, 16 * GIB))
    found = Findings()
    assert sizing.machine_of(WIDE, settings(), two, found).memory == 16 * GIB
    assert "TENSOR_PARALLEL_SIZE=2 uses all" in found.warnings[0]
    assert sizing.machine_of(WIDE, settings(TENSOR_PARALLEL_SIZE="2"), two, found) == WIDE


def test_weights_that_were_quantized_do_not_grow_in_float32() -> None:
    awq = {**SEVEN_B, "quantization_config": {"quant_method": "awq"}}
    found = Findings()
    chosen(found, replace(MODEL, config=awq), NARROW)
    assert not found.faults
