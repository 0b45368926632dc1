"""LoRA adapters as vLLM loads them at run time: names, requests, refusals.

Recorded from vLLM 0.32: routes exist with VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 only, a refusal is
500 without --enable-lora, 404 for a folder that the engine does not see, 400 for a name twice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from adapter.errors import AdapterError, BadRequest, RouteMissing, UpstreamRefused
from adapter.wire.openai import ServedModel

LOAD_PATH, UNLOAD_PATH = "load_lora_adapter", "unload_lora_adapter"
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"

_OURS = re.compile(r"ollama-vllm-lora-[0-9a-f]{32}")
_FURTHER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.(json|safetensors|txt|jinja)")


def engine_name(base: str, folder: str, files: Mapping[str, str]) -> str:
    """The engine's name for an adapter: one for each base, state folder and content.

    `files`: file name → digest. vLLM keeps what it computed under a name, so another content
    needs another name.
    """
    parts = [base, folder, *(f"{name}={files[name]}" for name in sorted(files))]
    return f"ollama-vllm-lora-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:32]}"


def is_ours(served: ServedModel) -> bool:
    """Whether a row of an engine's list is an adapter that we had it load, for an alias."""
    return bool(served.parent and _OURS.fullmatch(served.id))


def check_files(files: Mapping[str, str]) -> None:
    """Raises BadRequest unless these file names are those of a LoRA that vLLM can load."""
    for name in files:
        if name.lower().endswith(".gguf"):
            raise BadRequest(no_gguf("adapter"))
        if not _FURTHER.fullmatch(name):
            raise BadRequest(f'adapters: "{name}" is no file of a LoRA adapter in safetensors')
    missing = [name for name in (CONFIG, WEIGHTS) if name not in files]
    if missing:
        raise BadRequest(f"adapters: {' and '.join(missing)} missing; vLLM needs both files")


def no_gguf(what: str) -> str:
    return f"this server runs its models in vLLM, which takes no GGUF {what}"


def load_body(name: str, folder: str) -> dict[str, str]:
    return {"lora_name": name, "lora_path": folder}


def unload_body(name: str) -> dict[str, str]:
    return {"lora_name": name}


def already_loaded(error: AdapterError) -> bool:
    """Whether the engine refuses to load what it has; the name stands for the content."""
    return isinstance(error, UpstreamRefused) and "has already been loaded" in error.message


def not_loaded(error: AdapterError, upstream: str, folder: str) -> AdapterError:
    """What to tell who wanted an adapter loaded: the engine's reason, and what can be done."""
    if isinstance(error, RouteMissing):
        reason = "it loads none: start it with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1"
    elif isinstance(error, UpstreamRefused) and error.status == 404:
        reason = f"it does not see {folder}, which must have the same path there"
    elif isinstance(error, (UpstreamRefused, BadRequest)):
        reason = error.message
    else:
        return error
    return UpstreamRefused(f"the engine {upstream} can't load the adapter: {reason}", status=500)
