"""What translation has to know of the model that a request is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapter.wire.ollama import Message


@dataclass(frozen=True, slots=True)
class FimTokens:
    """The marks around a gap in code, as the model was trained with them."""

    prefix: str
    suffix: str
    middle: str


@dataclass(frozen=True, slots=True)
class Target:
    """`vllm` says whether the engine is vLLM, which can be asked how it streams and embeds.

    `context_length` is in tokens, None where nobody tells it; `options` are the model's own
    defaults, in Ollama's names. `thinks`: it can think, so it does unless told not to. `system`,
    `turns` and `template` are those of a Modelfile's SYSTEM, MESSAGE and TEMPLATE lines.
    """

    served_name: str
    context_length: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    vllm: bool = True
    thinks: bool = False
    system: str = ""
    turns: tuple[Message, ...] = ()
    template: str = ""
    fim: FimTokens | None = None
