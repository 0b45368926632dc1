"""Whether this vLLM knows a model's architecture. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from launcher.findings import Findings
from launcher.installed import Installed, Registry

# Endings that stand for one another: vLLM turns a known base model into these.
ENDINGS = (
    "ForCausalLM",
    "ForConditionalGeneration",
    "ChatModel",
    "LMHeadModel",
    "ForTextEncoding",
    "EmbeddingModel",
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForAudioClassification",
    "ForImageClassification",
    "ForVideoClassification",
    "ClassificationModel",
    "ForRewardModeling",
    "RewardModel",
    "Model",
)


def check(
    config: Mapping[str, Any], registry: Registry, installed: Installed, found: Findings
) -> None:
    asked = config.get("architectures")
    names = [str(name) for name in asked] if isinstance(asked, list) else []
    if not names or any(_known(name, registry) for name in names):
        return
    name = names[0]
    if installed.plugins:
        plugins = ", ".join(installed.plugins)
        found.warn(f"vLLM {installed.version} doesn't list {name}; perhaps {plugins} adds it")
    elif name in registry.dropped:
        found.refuse(
            f"vLLM {installed.version} no longer has {name}, {registry.dropped[name]} was the last "
            "that did; take an image of that version, or another MODEL"
        )
    elif config.get("auto_map"):
        found.warn(
            f"vLLM {installed.version} doesn't list {name}; the model brings code of its own, "
            "which needs VLLM_EXTRA_ARGS=--trust-remote-code"
        )
    elif name in registry.generic:
        found.warn(f"{name} runs through vLLM's generic model, slower than one of its own")
    else:
        found.refuse(
            f"vLLM {installed.version} doesn't know {name}: the model is newer than this image; "
            "take a newer image, or another MODEL"
        )


def _known(name: str, registry: Registry) -> bool:
    if name in registry.known:
        return True
    ending = next((ending for ending in ENDINGS if name.endswith(ending)), None)
    if ending is None:
        return False
    stem = name.removesuffix(ending)
    return any(stem + other in registry.known for other in ENDINGS)
