"""The registry and the help are cut from those of vLLM 0.32."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from launcher import architectures, installed
from launcher.errors import CannotRun
from launcher.findings import Findings
from launcher.installed import Installed

from tests.support import machine

REGISTRY = """
import torch.nn as nn

_TEXT_GENERATION_MODELS = {
    # [Decoder-only]
    "AfmoeForCausalLM": ("afmoe", "AfmoeForCausalLM"),
    "ChatGLMModel": ("chatglm", "ChatGLMForCausalLM"),
}

_EMBEDDING_MODELS = {
    "BertModel": ("bert", "BertEmbeddingModel"),
    **{
        k: (mod, arch)
        for k, (mod, arch) in _TEXT_GENERATION_MODELS.items()
        if arch == "LlamaForCausalLM"
    },
}

_VLLM_MODELS = {
    **_TEXT_GENERATION_MODELS,
    **_EMBEDDING_MODELS,
}

_SUBPROCESS_COMMAND = [sys.executable, "-m", "vllm.model_executor.models.registry"]

_PREVIOUSLY_SUPPORTED_MODELS = {
    "Phi3SmallForCausalLM": "0.9.2",
}

_OOT_SUPPORTED_MODELS = {
    "BartModel": "https://github.com/vllm-project/bart-plugin",
}
"""

HELP = """\
usage: vllm serve [model_tag] [options]

positional arguments:
  model_tag             The model tag to serve (optional if specified in
                        config) (default: None)

options:
  --api-server-count API_SERVER_COUNT, -asc API_SERVER_COUNT
                        How many API server processes to run, see --help and
                        --not-an-option there. (default: None)
  --enable-log-requests, --no-enable-log-requests
                        Enable logging request information, dependent on log
  -h, --help            show this help message and exit

ModelConfig:
  --dtype {auto,bfloat16,float,float16,float32,half}
                        Data type for model weights and activations:
  --mm-encoder-attn-dtype {fp8,None}
  --quantization QUANTIZATION, -q QUANTIZATION
  --kv-cache-dtype-skip-layers KV_CACHE_DTYPE_SKIP_LAYERS [KV_CACHE_DTYPE_SKIP_LAYERS ...]
"""


def lay(folder: Path, text: str = REGISTRY) -> Installed:
    file = folder / "vllm" / installed.REGISTRY
    file.parent.mkdir(parents=True)
    file.write_text(text)
    auto = folder / "transformers" / installed.AUTO
    auto.parent.mkdir(parents=True)
    auto.write_text('MODEL_MAPPING_NAMES = OrderedDict([("codegen", "CodeGenModel")])\n')
    return Installed("0.32.0", folder / "vllm", folder / "transformers", ())


def test_architectures_are_read_from_the_source(tmp_path: Path) -> None:
    registry = installed.registry(lay(tmp_path))
    assert registry
    assert registry.known == {"AfmoeForCausalLM", "ChatGLMModel", "BertModel"}
    assert registry.dropped == {"Phi3SmallForCausalLM": "0.9.2"}
    assert registry.generic == {"CodeGenModel"}


@pytest.mark.parametrize("text", ["", "def f(:", "MODELS = {}"])
def test_a_source_of_another_shape_tells_nothing(text: str, tmp_path: Path) -> None:
    assert installed.registry(lay(tmp_path, text)) is None


def test_options_are_read_from_the_help() -> None:
    assert installed.listed(HELP) == {
        *("--api-server-count", "-asc", "--enable-log-requests", "--no-enable-log-requests"),
        *("-h", "--help", "--dtype", "--mm-encoder-attn-dtype", "--quantization", "-q"),
        "--kv-cache-dtype-skip-layers",
    }


def test_a_kept_list_counts_for_its_version_only(tmp_path: Path) -> None:
    about = Installed("0.32.0+cpu", tmp_path, None, ())
    file = tmp_path / "flags"
    file.write_text(installed.print_flags(about, {"--b", "--a"}) + "\n")
    assert installed.kept_flags(str(file), "0.32.0+cpu") == {"--a", "--b"}
    assert installed.kept_flags(str(file), "0.33.0") is None
    assert installed.kept_flags("", "0.33.0") is None
    assert installed.kept_flags(str(tmp_path / "none"), "0.33.0") is None


def script(folder: Path, python: str) -> list[str]:
    """A `vllm` whose interpreter prints what it was given, or dies."""
    interpreter = folder / "python3"
    interpreter.write_text(f"#!/bin/sh\n{python}\n")
    interpreter.chmod(0o755)
    vllm = folder / "vllm"
    vllm.write_text(f"#!{interpreter}\n")
    return [str(vllm)]


def test_the_engines_own_python_is_asked(tmp_path: Path) -> None:
    about = {"version": "0.33.0", "vllm": "/v", "transformers": "", "plugins": ["vllm-gaudi"]}
    answer = f"echo noise; echo '{json.dumps(about)}'"
    found = installed.ask(script(tmp_path, answer), os.environ)  # noqa: TID251  # a script's
    assert found == Installed("0.33.0", Path("/v"), None, ("vllm-gaudi",))
    assert found.numbers == (0, 33, 0)


def test_an_engine_that_this_cpu_cannot_run_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="exit code 132: the CPU lacks an instruction"):
        installed.ask(script(tmp_path, "kill -ILL $$"), os.environ)  # noqa: TID251  # a script's


def test_a_wrapper_is_not_asked(tmp_path: Path) -> None:
    vllm = tmp_path / "vllm"
    vllm.write_text("#!/bin/sh\n")
    with pytest.raises(CannotRun, match="is a wrapper"):
        installed.ask([str(vllm)], {})


@pytest.mark.vllm
def test_the_real_vllm() -> None:
    env = machine.clean_environ()
    about = installed.ask(machine.vllm(), env)
    registry = installed.registry(about)
    assert registry
    assert len(registry.known) > 300
    found = Findings()
    for name in ("Qwen3ForCausalLM", "LlamaForCausalLM", "BertModel", "Qwen3Model"):
        architectures.check({"architectures": [name]}, registry, about, found)
    assert found == Findings()
    known = installed.flags(machine.vllm(), env)
    assert len(known) > 300
    assert {"--max-model-len", "--no-enforce-eager", "-tp", "-q", "--api-key"} <= known
    assert "--cpu-memory-utilization" not in known
