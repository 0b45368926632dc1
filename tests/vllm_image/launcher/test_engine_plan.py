"""Whole plans, for machines laid out as folders and models by their configuration.

plans/NAME.json is what `launcher plan` prints there. To write them anew, and then read what has
changed: python -m tests.vllm_image.launcher.test_engine_plan
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from launcher import engine_plan
from launcher.contents import Contents
from launcher.engine_plan import Plan
from launcher.engine_settings import read
from launcher.facts import Facts
from launcher.findings import Findings
from launcher.installed import Installed, Registry

from tests.vllm_image.launcher import trees

PLANS = Path(__file__).with_name("plans")
INSTALLED = Installed("0.32.0+cpu", Path("/vllm"), None, ())
REGISTRY = Registry(frozenset({"Qwen2ForCausalLM", "Qwen3ForCausalLM"}), {}, frozenset())
HALF_B: dict[str, Any] = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "torch_dtype": "bfloat16",
    "max_position_embeddings": 32768,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "hidden_size": 896,
}
SEVEN_B = {
    **HALF_B,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "hidden_size": 3584,
}
SMALL = Contents(there=True, ready=True, config=HALF_B, size=988_097_824, template=True)
LARGE = Contents(there=True, ready=True, config=SEVEN_B, size=15_231_272_152, template=True)
MODEL = "Qwen/Qwen2.5-0.5B-Instruct"

GOLDEN: dict[str, tuple[dict[str, str], str, Contents, dict[str, str]]] = {
    "cpu-laptop-avx2": (trees.LAPTOP, "cpu", SMALL, {"MODEL": MODEL}),
    "cpu-container-cgroup-v2": (
        trees.CONTAINER_V2,
        "cpu",
        LARGE,
        {
            "MODEL": "Qwen/Qwen2.5-7B-Instruct",
            "SERVED_MODEL_NAME": "qwen2.5:7b llm",
            "MAX_MODEL_LEN": "16384",
            "HF_TOKEN": "hf_abc",
            "VLLM_API_KEY": "secret",
            "VLLM_EXTRA_ARGS": "--max-num-seqs 16",
        },
    ),
    "cpu-container-cgroup-v1": (trees.CONTAINER_V1, "cpu", SMALL, {"MODEL": MODEL}),
    "cpu-too-large": (
        trees.CONTAINER_V1,
        "cpu",
        LARGE,
        {"MODEL": "Qwen/Qwen2.5-7B-Instruct", "QUANTIZATION": "fp8", "MAX_MODEL_LEN": "65536"},
    ),
    "cpu-not-fetched": (trees.LAPTOP, "cpu", Contents(there=False), {"MODEL": MODEL}),
    "gpu": (
        trees.CONTAINER_V2,
        "gpu",
        LARGE,
        {
            "MODEL_NAME": "Qwen/Qwen2.5-7B-Instruct",
            "GPU_MEMORY_UTILIZATION": "0.9",
            "MAX_MODEL_LEN": "4096",
            "TENSOR_PARALLEL_SIZE": "2",
            "QUANTIZATION": "awq",
            "VLLM_PORT": "tcp://10.0.0.7:8000",
        },
    ),
    "hpu-fp8": (
        trees.CONTAINER_V2,
        "hpu",
        LARGE,
        {
            "MODEL": "Qwen/Qwen2.5-7B-Instruct",
            "QUANTIZATION": "inc",
            "QUANT_CONFIG": str(Path(__file__)),
            "VLLM_TP_SIZE": "2",
            "VLLM_SKIP_WARMUP": "true",
        },
    ),
}


def planned(name: str, root: Path) -> dict[str, Any]:
    tree, device, contents, env = GOLDEN[name]
    made = make(tree, device, contents, env, root).printable(env)
    text = json.dumps(made).replace(str(Path(__file__)), "/models/inc/maxabs_quant_g3.json")
    result: dict[str, Any] = json.loads(text)
    return result


def make(
    tree: dict[str, str],
    device: str,
    contents: Contents,
    env: dict[str, str],
    root: Path,
    shared_memory: int = 1 << 30,
) -> Plan:
    machine, cpus = trees.read(tree, root)
    facts = Facts(
        device=device,
        machine=machine,
        cpus=cpus,
        shared_memory=shared_memory,
        contents=contents,
        account={"HOME": "/tmp/engine", "USER": "engine", "LOGNAME": "engine"},
        installed=INSTALLED if device == "cpu" else replace(INSTALLED, version="0.32.0"),
        registry=REGISTRY,
    )
    return engine_plan.make(read(env), env, facts)


def on_a_laptop(tmp_path: Path, contents: Contents = SMALL, **env: str) -> Plan:
    return make(trees.LAPTOP, "cpu", contents, {"MODEL": MODEL, **env}, tmp_path)


def sentences(plan: Plan) -> list[str]:
    return [fault.sentence for fault in plan.findings.faults]


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str, tmp_path: Path) -> None:
    assert planned(name, tmp_path) == json.loads((PLANS / f"{name}.json").read_text())


def test_no_plan_is_left_without_its_test() -> None:
    assert {path.stem for path in PLANS.glob("*.json")} == {*GOLDEN}


def test_a_cpu_without_avx2_is_refused(tmp_path: Path) -> None:
    tree = {**trees.LAPTOP, "proc/cpuinfo": "flags: sse4_2 avx\n"}
    plan = make(tree, "cpu", SMALL, {"MODEL": MODEL}, tmp_path)
    (sentence,) = sentences(plan)
    assert sentence.startswith("this CPU lacks AVX2")
    assert plan.findings.code == 78


@pytest.mark.parametrize(("device", "version"), [("gpu", "0.32.0+cpu"), ("cpu", "0.33.0")])
def test_the_wrong_image_is_told(device: str, version: str) -> None:
    found = Findings()
    facts = SimpleNamespace(device=device, installed=replace(INSTALLED, version=version))
    engine_plan._build(facts, found)  # type: ignore[arg-type]
    assert bool(found.faults) is (device == "gpu")
    assert bool(found.warnings) is (device == "cpu")


def test_a_model_that_is_not_complete_is_refused(tmp_path: Path) -> None:
    half = Contents(there=True, config=HALF_B, size=1, template=True, faults=("it lacks x",))
    plan = on_a_laptop(tmp_path, half)
    assert sentences(plan) == [
        "/models/Qwen--Qwen2.5-0.5B-Instruct is not a complete model: it lacks x; "
        "delete it and let `launcher fetch` run"
    ]
    assert plan.findings.code == 78
    assert "HF_HUB_OFFLINE" not in plan.changes


def test_a_length_beyond_the_model_is_one_sentence_on_a_cpu_too(tmp_path: Path) -> None:
    plan = on_a_laptop(tmp_path, SMALL, MAX_MODEL_LEN="100000000", VLLM_CPU_KVCACHE_SPACE="2")
    assert sentences(plan) == [
        "MAX_MODEL_LEN=100000000 is more than the model's 32768 tokens; set it to 32768 or less, "
        "or VLLM_ALLOW_LONG_MAX_MODEL_LEN=1 to try what it was not made for"
    ]


def test_a_folder_that_is_not_mounted_is_refused(tmp_path: Path) -> None:
    plan = on_a_laptop(tmp_path, Contents(there=False), MODEL="/data/m")
    assert sentences(plan) == [
        "MODEL names a folder that is empty or not there: /data/m; is it mounted?"
    ]


def test_a_folder_that_may_not_be_read_names_its_owner(tmp_path: Path) -> None:
    closed = Contents(there=True, unreadable=str(tmp_path))
    (sentence,) = sentences(on_a_laptop(tmp_path, closed))
    assert "can't read it; give it away, as root: chown -R " in sentence


def test_without_a_chat_template_it_warns_or_refuses(tmp_path: Path) -> None:
    base = Contents(there=True, ready=True, config=HALF_B, size=1)
    warned = on_a_laptop(tmp_path, base)
    assert not warned.findings.faults
    assert any("has no chat template" in text for text in warned.findings.warnings)
    refused = on_a_laptop(tmp_path, base, REQUIRE_CHAT="1")
    assert "CHAT_TEMPLATE" in sentences(refused)[0]
    helped = on_a_laptop(tmp_path, base, REQUIRE_CHAT="1", CHAT_TEMPLATE="/t.jinja")
    assert not helped.findings.faults
    assert "/t.jinja" in helped.arguments


def test_more_context_than_the_model_takes_is_refused(tmp_path: Path) -> None:
    (sentence,) = sentences(on_a_laptop(tmp_path, MAX_MODEL_LEN="40000"))
    assert sentence.startswith("MAX_MODEL_LEN=40000 is more than the model's 32768 tokens; ")
    rope = {**HALF_B, "rope_scaling": {"rope_type": "yarn", "factor": 4.0}}
    stretched = Contents(there=True, ready=True, config=rope, size=1, template=True)
    assert not sentences(on_a_laptop(tmp_path, stretched, MAX_MODEL_LEN="40000"))
    assert not sentences(
        on_a_laptop(tmp_path, MAX_MODEL_LEN="40000", VLLM_ALLOW_LONG_MAX_MODEL_LEN="1")
    )


@pytest.mark.parametrize(("extra", "refused"), [("--no-enable-chunked-prefill", True), ("", False)])
def test_batches_may_be_shorter_than_the_context(extra: str, refused: bool, tmp_path: Path) -> None:
    env = {"MAX_MODEL_LEN": "8192", "MAX_NUM_BATCHED_TOKENS": "2048", "VLLM_EXTRA_ARGS": extra}
    assert bool(sentences(on_a_laptop(tmp_path, **env))) is refused


def test_an_unknown_architecture_is_told(tmp_path: Path) -> None:
    config = {**HALF_B, "architectures": ["NewForCausalLM"]}
    new = Contents(there=True, ready=True, config=config, template=True)
    assert "doesn't know NewForCausalLM" in sentences(on_a_laptop(tmp_path, new))[0]


def test_the_users_environment_wins(tmp_path: Path) -> None:
    env = {"MODEL": MODEL, "VLLM_MAX_STOP_STRINGS": "8", "OMP_NUM_THREADS": "2", "KEEP": "me"}
    plan = make(trees.LAPTOP, "cpu", SMALL, env, tmp_path)
    made = plan.environment(env)
    assert (made["VLLM_MAX_STOP_STRINGS"], made["OMP_NUM_THREADS"]) == ("8", "2")
    assert (made["KEEP"], made["VLLM_CPU_OMP_THREADS_BIND"]) == ("me", "nobind")


def test_an_engine_offline_gets_no_secrets_of_the_fetcher(tmp_path: Path) -> None:
    env = {"MODEL": MODEL, "HF_TOKEN": "t", "AWS_SECRET_ACCESS_KEY": "s", "VLLM_API_KEY": "k"}
    made = make(trees.LAPTOP, "cpu", SMALL, env, tmp_path).environment(env)
    assert not {"HF_TOKEN", "AWS_SECRET_ACCESS_KEY"} & {*made}
    assert made["VLLM_API_KEY"] == "k"


@pytest.mark.parametrize(
    ("device", "workers", "refused"), [("cpu", 1, True), ("gpu", 2, True), ("gpu", 1, False)]
)
def test_shared_memory_as_docker_gives_it(
    device: str, workers: int, refused: bool, tmp_path: Path
) -> None:
    env = {"MODEL": MODEL, "TENSOR_PARALLEL_SIZE": str(workers)}
    plan = make(trees.LAPTOP, device, SMALL, env, tmp_path, shared_memory=64 << 20)
    assert sentences(plan) == refused * [
        "/dev/shm has 64 MiB free and vLLM needs 256 to talk to its workers; "
        "give the container --shm-size=4g"
    ]


def test_empty_variables_count_as_unset(tmp_path: Path) -> None:
    names = ("VLLM_CPU_KVCACHE_SPACE", "VLLM_CPU_OMP_THREADS_BIND", "QUANT_CONFIG", "DTYPE")
    env = {"MODEL": MODEL, "SERVED_MODEL_NAME": "", **dict.fromkeys(names, "")}
    plan = make(trees.LAPTOP, "cpu", SMALL, env, tmp_path)
    made = plan.environment(env)
    assert (made["VLLM_CPU_KVCACHE_SPACE"], made["VLLM_CPU_OMP_THREADS_BIND"]) == ("6", "auto")
    assert "QUANT_CONFIG" not in made
    assert plan.settings.served == ("qwen2.5:0.5b",)


def test_eager_is_a_switch(tmp_path: Path) -> None:
    assert "--enforce-eager" in on_a_laptop(tmp_path).arguments
    compiled = on_a_laptop(tmp_path, ENFORCE_EAGER="0")
    assert "--enforce-eager" not in compiled.arguments
    assert "TORCH_COMPILE_DISABLE" not in compiled.changes


if __name__ == "__main__":
    for golden in GOLDEN:
        with tempfile.TemporaryDirectory() as folder:
            text = json.dumps(planned(golden, Path(folder)), indent=2)
        (PLANS / f"{golden}.json").write_text(text + "\n")
        print(f"written: {golden}", file=sys.stderr)
