"""What the pages about the engine image say is what the launcher does."""

from __future__ import annotations

import re
from typing import Any

import pytest
from launcher import cli, errors, inside, plan, sizing
from launcher.engine_settings import read
from launcher.findings import Findings
from launcher.hardware import GIB, Machine
from launcher.topology import Topology

from tests.support import machine

HOWTO = (machine.ROOT / "docs" / "howto" / "run-the-engine-image.md").read_text()
CODES = (machine.ROOT / "docs" / "reference" / "exit-codes.md").read_text()
LAUNCHER = machine.ROOT / "vllm_image" / "launcher"

AVX512, AVX2 = {"avx2", "avx512f", "avx512_bf16"}, {"avx2"}
# Bytes of the weights; layers, heads, heads of keys and values, width, longest context.
MODELS = {
    "Qwen/Qwen2.5-0.5B-Instruct": (988_097_824, 24, 14, 2, 896, 32768),
    "Qwen/Qwen2.5-1.5B-Instruct": (3_087_467_144, 28, 12, 2, 1536, 32768),
    "Qwen/Qwen2.5-3B-Instruct": (6_171_927_112, 36, 16, 2, 2048, 32768),
    "Qwen/Qwen2.5-7B-Instruct": (15_231_272_152, 28, 28, 4, 3584, 32768),
    "meta-llama/Llama-3.1-8B-Instruct": (16_060_556_376, 32, 32, 8, 4096, 131072),
}


def model(name: str) -> plan.Model:
    size, layers, heads, kept, width, longest = MODELS[name]
    config: dict[str, Any] = {
        "architectures": ["ForCausalLM"],
        "torch_dtype": "bfloat16",
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kept,
        "hidden_size": width,
        "max_position_embeddings": longest,
    }
    return plan.Model(name, name, size, config)


def least(name: str, flags: set[str], **env: str) -> int:
    """GiB of the smallest limit that is not refused."""
    for size in range(1, 200):
        found = Findings()
        bytes_ = size * GIB
        box = Machine("x86_64", frozenset(flags), 16, bytes_, bytes_)
        cpus = Topology(tuple(range(16)), None, own_cpus=False, nodes=(bytes_,))
        sizing.choose(read({"MODEL": name, **env}), env, model(name), box, cpus, found)
        if not found.faults:
            return size
    raise AssertionError(name)


@pytest.mark.parametrize("name", MODELS)
def test_the_table_of_memory(name: str) -> None:
    row = re.search(rf"^\| {re.escape(name)} \| (.*) \|$", HOWTO, re.MULTILINE)
    assert row
    weights, *limits = row[1].split(" | ")
    assert weights == f"{MODELS[name][0] / 1e9:.1f}"
    # As long as eight of 8192 in one, so that the whole of it has to fit.
    many = {"MAX_MODEL_LEN": str(8 * 8192), "VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1"}
    computed = [
        size
        for flags in (AVX512, AVX2)
        for size in (least(name, flags), least(name, flags, **many))
    ]
    assert [int(limit) for limit in limits] == computed


@pytest.mark.parametrize("page", ["run-the-stack", "move-from-ollama"])
def test_settings_shown_for_the_stack_have_enough_memory(page: str) -> None:
    """Each block of a page that chooses a model, on a CPU with AVX512."""
    text = (machine.ROOT / "docs" / "howto" / f"{page}.md").read_text()
    given = re.search(r"LLM_MEMORY:-(\w+)", (machine.ROOT / "compose" / "compose.yaml").read_text())
    assert given
    checked = 0
    for block in re.findall(r"(?:^ {4,}\w+=.*\n)+", text, re.MULTILINE):
        chosen = {
            "LLM_MEMORY": given[1],
            **dict(re.findall(r"^ +(\w+)=(.*)$", block, re.MULTILINE)),
        }
        limit = chosen.pop("LLM_MEMORY")
        if chosen.get("MODEL") in MODELS:
            assert limit.endswith("g")
            assert least(chosen["MODEL"], AVX512) <= int(limit.removesuffix("g")), block
            checked += 1
    assert checked


def test_every_command_is_told() -> None:
    told = set(re.findall(r"^\| `(\w+)[^`]*` \|", HOWTO, re.MULTILINE))
    assert {*cli.INSIDE} <= told


def test_every_exit_code_is_told() -> None:
    told = re.findall(r"^\| ([\d, ]+) \|", CODES, re.MULTILINE)
    numbers = {int(number) for cell in told for number in cell.split(", ")}
    assert {*errors.MEANINGS} <= numbers


def test_every_variable_is_told() -> None:
    read_here = "".join(
        (LAUNCHER / f"{name}.py").read_text()
        for name in ("engine_settings", "calibration", "inside", "gather", "sources")
    )
    names = {*re.findall(r'"([A-Z]+_[A-Z_0-9]+)"', read_here), "MODEL", "FETCH", "DTYPE"}
    unsaid = {name for name in names if name not in HOWTO}
    assert unsaid <= {*inside.CACHES, "ENGINE_FLAGS", "MODEL_REVISION"}


@pytest.mark.parametrize(
    "begin", re.findall(r"^\| `(.*?)`", CODES.partition("## 78")[2], re.MULTILINE)
)
def test_the_sentences_are_those_of_the_code(begin: str) -> None:
    """Each part between the dots stands somewhere in the source."""
    source = re.sub(r'"\s*\n\s*f?"', "", "".join(p.read_text() for p in LAUNCHER.glob("*.py")))
    source = re.sub(r"\{[^}\n]*\}", "…", source)
    for part in re.split(r"…|0:0|10001:0", begin):
        assert part.strip() in source
