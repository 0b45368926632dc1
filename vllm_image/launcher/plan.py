"""What vLLM is started with. Pure: facts in, arguments and environment out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from launcher.hardware import GIB, Machine

CONTEXT_ON_A_CPU = 8192
ENGINE_ALONE = 2 * GIB + GIB // 5
"""Memory of vLLM's three processes without weights and cache, measured with vLLM 0.32."""
WEIGHTS_AND_BUFFERS = 1.15
CACHE_LEAST, CACHE_MOST = 1, 4
"""GiB of KV cache. vLLM takes all of it at once."""
SEQUENCES_ON_A_CPU = 32
PER_REQUEST_METRICS_SINCE = (0, 32)

ON_EVERY_DEVICE = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "VLLM_MAX_STOP_STRINGS": "64"}
# Or the first request for logprobs compiles for 13 s, and without g++ ends the engine.
ON_A_CPU = {"TORCH_COMPILE_DISABLE": "1"}

# Which parsers fit which models, by the model's name and type: (pattern, tools, reasoning).
# An Instruct model of the Qwen3 line doesn't think, and would seem to do nothing else.
PARSERS = (
    (r"deepseek-r1", "", "deepseek_r1"),
    (r"qwen3-coder", "qwen3_coder", ""),
    (r"qwen3.*instruct", "hermes", ""),
    (r"qwen3|qwq", "hermes", "qwen3"),
    (r"qwen2|hermes", "hermes", ""),
    (r"llama-?4", "llama4_pythonic", ""),
    (r"llama-?3\.[1-3]", "llama3_json", ""),
    (r"granite-?4", "granite4", ""),
    (r"granite-?3", "granite", ""),
    (r"gpt-?oss", "openai", "openai_gptoss"),
    (r"mistral|ministral", "mistral", ""),
)


@dataclass(frozen=True)
class Model:
    given: str
    """Hub id or folder, as vLLM gets it."""
    name: str
    size: int
    config: Mapping[str, Any] = field(default_factory=dict)
    demo: bool = False


@dataclass(frozen=True)
class Engine:
    command: tuple[str, ...]
    version: tuple[int, ...]
    cpu: bool
    python: str = ""
    """The interpreter it is installed for; empty when that is not known."""


def arguments(
    engine: Engine, model: Model, machine: Machine, port: int, context_length: int | None
) -> list[str]:
    given = ["serve", model.given, "--host", "127.0.0.1", "--port", str(port)]
    given += ["--served-model-name", model.name, *features(engine.version, *parsers(model))]
    if engine.cpu:
        given += ["--enforce-eager", "--max-num-seqs", str(SEQUENCES_ON_A_CPU)]
        if not_wide(machine):
            given += ["--dtype", "float32"]
    length = context_length or (cpu_context(model, machine) if engine.cpu else None)
    if length and generates(model):
        given += ["--max-model-len", str(length)]
    return given


def features(version: tuple[int, ...], tools: str, reasoning: str) -> list[str]:
    """What the adapter profits from; `tools` and `reasoning` are names of parsers or empty."""
    given = ["--enable-prompt-tokens-details"]
    if version >= PER_REQUEST_METRICS_SINCE:
        given.append("--enable-per-request-metrics")
    if tools:
        given += ["--enable-auto-tool-choice", "--tool-call-parser", tools]
    if reasoning:
        given += ["--reasoning-parser", reasoning]
    return given


def environment(
    engine: Engine, model: Model, machine: Machine, context_length: int | None
) -> dict[str, str]:
    """Settings below the user's own: what is in the environment already stays as it is."""
    shared = {"HF_HUB_OFFLINE": "1", **ON_EVERY_DEVICE}
    if not engine.cpu:
        return shared
    return {
        **shared,
        **ON_A_CPU,
        "VLLM_CPU_KVCACHE_SPACE": str(cache_space(model, machine, context_length)),
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "1" if model.demo else str(max(machine.cpus - 1, 1)),
    }


def parsers(model: Model) -> tuple[str, str]:
    """Names of vLLM's tool call and reasoning parsers; empty for none."""
    subject = f"{model.given.rpartition('/')[2]} {model.config.get('model_type', '')}".lower()
    if not generates(model):
        return "", ""
    for pattern, tools, reasoning in PARSERS:
        if re.search(pattern, subject):
            return tools, reasoning
    return "", ""


def generates(model: Model) -> bool:
    """Whether it makes text; embedding and reranking models don't."""
    kinds = model.config.get("architectures") or ["ForCausalLM"]
    return any("ForCausalLM" in kind or "ForConditionalGeneration" in kind for kind in kinds)


def not_wide(machine: Machine) -> bool:
    """Without AVX512 vLLM computes in float32 only."""
    return "avx512f" not in machine.flags


def memory_needed(model: Model, machine: Machine) -> int:
    """Bytes for vLLM with the smallest cache."""
    return int(ENGINE_ALONE + CACHE_LEAST * GIB + WEIGHTS_AND_BUFFERS * _loaded(model, machine))


def cpu_context(model: Model, machine: Machine) -> int:
    """The model's own window, cut to what is sensible on a CPU and to what the cache can hold."""
    length = min(number(model, "max_position_embeddings") or CONTEXT_ON_A_CPU, CONTEXT_ON_A_CPU)
    per_token = cache_per_token(model, machine)
    if per_token:
        room = _room(model, machine) * GIB // per_token
        length = min(length, max(room // 128 * 128, 128))
    return length


def cache_space(model: Model, machine: Machine, context_length: int | None) -> int:
    """GiB: enough for one request that fills the window, and more while memory is plenty."""
    if model.demo:
        return CACHE_LEAST
    wanted = (context_length or 0) * cache_per_token(model, machine)
    return max(_room(model, machine), -(-wanted // GIB))


def cache_per_token(model: Model, machine: Machine) -> int:
    """Bytes of keys and values that one token leaves in the cache; 0 when that can't be told."""
    return kept_per_token(model, 4 if not_wide(machine) else 2)


def kept_per_token(model: Model, element: int) -> int:
    """The same for numbers of `element` bytes."""
    layers, heads = number(model, "num_hidden_layers"), number(model, "num_attention_heads")
    if not layers or not heads:
        return 0
    width = number(model, "head_dim") or number(model, "hidden_size") // heads
    kept = number(model, "num_key_value_heads") or heads
    return 2 * layers * kept * width * element


def _room(model: Model, machine: Machine) -> int:
    """GiB of cache that leave a fifth of the free memory to others."""
    used = ENGINE_ALONE + WEIGHTS_AND_BUFFERS * _loaded(model, machine)
    return max(CACHE_LEAST, min(int((0.8 * machine.available - used) // GIB), CACHE_MOST))


def _loaded(model: Model, machine: Machine) -> int:
    """Bytes of the weights in memory."""
    return loaded(model, 4 if not_wide(machine) else 2)


def loaded(model: Model, element: int) -> int:
    """The same for numbers of `element` bytes: float32 takes twice the place of bfloat16."""
    kept = model.config.get("dtype") or model.config.get("torch_dtype")
    wider = element == 4 and kept != "float32" and not model.config.get("quantization_config")
    return model.size * (2 if wider else 1)


def number(model: Model, key: str) -> int:
    """A whole number of the model's configuration, or of its text part; 0 without."""
    nested = model.config.get("text_config")
    value = model.config.get(key) or (nested.get(key) if isinstance(nested, dict) else None)
    return value if isinstance(value, int) else 0
