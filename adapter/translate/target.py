"""What translation has to know of the model that a request is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """`vllm` says whether the engine is vLLM, which can be asked how it streams and embeds.

    `context_length` is in tokens, None where nobody tells it; `options` are the model's own
    defaults, in Ollama's names.
    """

    served_name: str
    context_length: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    vllm: bool = True
