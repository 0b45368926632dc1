"""What the user asks of the engine in an image: the environment, read once.

The names are those that are in use for such images; where two are, both are read.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from launcher import names, ports, sources
from launcher.errors import CannotRun

TRUE = {"1", "true", "yes", "on"}
DEVICES = {"": "", "auto": "", "cpu": "cpu", "gpu": "gpu", "cuda": "gpu", "hpu": "hpu"}
DEVICES["gaudi"] = "hpu"
PORT = 8000
# Others than vLLM have to know these too, so they are variables only.
NOT_EXTRA = {
    "--model": "MODEL",
    "--host": "ENGINE_HOST",
    "--port": "ENGINE_PORT",
    "--served-model-name": "SERVED_MODEL_NAME",
    "--api-key": "VLLM_API_KEY",
}


@dataclass(frozen=True)
class EngineSettings:
    """Empty and None mean: choose for me."""

    source: str
    """hub, s3 or folder."""
    model: str
    folder: Path
    served: tuple[str, ...]
    device: str
    host: str
    port: int
    dtype: str
    quantization: str
    context_length: int | None
    sequences: int | None
    batched_tokens: int | None
    tensor_parallel: int
    gpu_memory: float | None
    cache_space: int | None
    """GiB of KV cache on a CPU."""
    chat_template: str
    tool_parser: str | None
    reasoning_parser: str | None
    """Empty for none at all, None for the one that fits the model."""
    quant_config: str
    calibrations: Path
    allow_cpu_fp8: bool
    require_chat: bool
    extra: tuple[str, ...]
    """Arguments that go to vLLM as they are, behind all others."""


def read(environ: Mapping[str, str]) -> EngineSettings:
    named = sources.named(environ)
    base = Path(environ.get("MODELS_DIR") or sources.MODELS)
    extra = _extra(environ.get("VLLM_EXTRA_ARGS", ""))
    said = values(extra)
    inc = flag(environ, "IF_FP8_QUANTIZATION")
    return EngineSettings(
        source=named.kind,
        model=named.model,
        folder=named.folder,
        served=served(environ),
        device=_device(environ.get("LLM_DEVICE", "")),
        host=environ.get("ENGINE_HOST") or "0.0.0.0",
        port=_port(environ),
        dtype=said.get("--dtype") or _first(environ, "DTYPE", "VLLM_DTYPE"),
        quantization=said.get("--quantization")
        or said.get("-q")
        or _first(environ, "QUANTIZATION", "VLLM_QUANTIZATION")
        or ("inc" if inc else ""),
        context_length=_length(environ, said, "MAX_MODEL_LEN", "--max-model-len"),
        sequences=_size(said, "--max-num-seqs")
        or _number(environ, "MAX_NUM_SEQS", "VLLM_MAX_NUM_SEQS"),
        batched_tokens=_length(environ, said, "MAX_NUM_BATCHED_TOKENS", "--max-num-batched-tokens"),
        tensor_parallel=_size(said, "--tensor-parallel-size", "-tp")
        or _number(environ, "TENSOR_PARALLEL_SIZE", "VLLM_TP_SIZE")
        or 1,
        gpu_memory=_share(environ, "GPU_MEMORY_UTILIZATION"),
        cache_space=_number(environ, "VLLM_CPU_KVCACHE_SPACE"),
        chat_template=said.get("--chat-template") or _first(environ, "CHAT_TEMPLATE"),
        tool_parser=_parser(environ, "TOOL_CALL_PARSER"),
        reasoning_parser=_parser(environ, "REASONING_PARSER"),
        quant_config=_first(environ, "QUANT_CONFIG"),
        calibrations=Path(environ.get("CALIBRATION_DIR") or base / "inc" / named.folder.name),
        allow_cpu_fp8=flag(environ, "ALLOW_CPU_FP8"),
        require_chat=flag(environ, "REQUIRE_CHAT"),
        extra=extra,
    )


def served(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Names under which clients ask for the model; several are parted by blanks or commas."""
    asked = environ.get("SERVED_MODEL_NAME", "").replace(",", " ").split()
    if asked:
        return tuple(asked)
    named = sources.named(environ)
    folder = named.kind == "folder"
    return (names.folder_name(named.folder) if folder else names.ollama_name(named.model),)


def address(environ: Mapping[str, str]) -> ports.Address:
    return ports.Address(environ.get("ENGINE_HOST") or "0.0.0.0", _port(environ))


def flag(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").strip().lower() in TRUE


def options(extra: tuple[str, ...]) -> list[str]:
    """The option of each argument that is one, as vLLM reads it: `--a_b.c=d` is `--a-b`."""
    found = []
    for argument in extra:
        if not argument.startswith("-") or _is_number(argument):
            continue
        name = argument.partition("=")[0]
        if name.startswith("--"):
            name = name.partition(".")[0].rstrip("+").replace("_", "-")
        elif name.startswith("-O"):
            name = "-O"
        else:
            name = name.partition(".")[0]
        found.append(name)
    return found


def values(extra: tuple[str, ...]) -> dict[str, str]:
    """Option -> its value; options without one have an empty one."""
    found = {}
    for argument, following in pairwise((*extra, "-")):
        for option in options((argument,)):
            _, equals, value = argument.partition("=")
            ends = following.startswith("-") and not _is_number(following)
            found[option] = value if equals else ("" if ends else following)
    return found


def _extra(text: str) -> tuple[str, ...]:
    try:
        extra = tuple(shlex.split(text))
    except ValueError as error:
        raise CannotRun(f"VLLM_EXTRA_ARGS has an open quotation mark ({error})") from error
    for option in options(extra):
        if option in NOT_EXTRA:
            raise CannotRun(f"VLLM_EXTRA_ARGS: instead of {option} set {NOT_EXTRA[option]}")
    return extra


def _device(text: str) -> str:
    device = DEVICES.get(text.strip().lower())
    if device is None:
        raise CannotRun(f"LLM_DEVICE is none of cpu, gpu and hpu: {text}")
    return device


def _port(environ: Mapping[str, str]) -> int:
    port = _number(environ, "ENGINE_PORT") or PORT
    if port > ports.HIGHEST:
        raise CannotRun(f"ENGINE_PORT is no port: {port}")
    return port


def _first(environ: Mapping[str, str], *names: str) -> str:
    return next((text for name in names if (text := environ.get(name, "").strip())), "")


def _number(environ: Mapping[str, str], *names: str) -> int | None:
    text = _first(environ, *names)
    if not text:
        return None
    number = ports.whole_number(text)
    if not number:
        raise CannotRun(f"{' or '.join(names)} is no whole number above 0: {text}")
    return number


def _size(said: Mapping[str, str], *options: str) -> int | None:
    """What was said to vLLM itself; nonsense is left for vLLM to refuse."""
    found = (ports.whole_number(said.get(option, "")) for option in options)
    return next((number for number in found if number), None)


def _length(
    environ: Mapping[str, str], said: Mapping[str, str], name: str, option: str
) -> int | None:
    """A number of tokens; vLLM's own `-1` and `auto` mean as much as nothing."""
    text = said.get(option) or _first(environ, name)
    if text in ("", "-1", "auto", "0"):
        return None
    for suffix, factor in (("k", 1000), ("K", 1024), ("", 1)):
        number = ports.whole_number(text.removesuffix(suffix))
        if number and text.endswith(suffix):
            return number * factor
    raise CannotRun(f"{option if option in said else name} is no number of tokens: {text}")


def _share(environ: Mapping[str, str], name: str) -> float | None:
    text = environ.get(name, "").strip()
    try:
        share = float(text) if text else None
    except ValueError:
        share = -1.0
    if share is not None and not 0 < share <= 1:
        raise CannotRun(f"{name} is no share between 0 and 1: {text}")
    return share


def _parser(environ: Mapping[str, str], name: str) -> str | None:
    text = environ.get(name, "").strip()
    return "" if text.lower() in ("none", "off") else text or None


def _is_number(text: str) -> bool:
    return text[1:2].isdigit()
