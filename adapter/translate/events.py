"""What an engine's stream says, in words of neither protocol."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Thinking:
    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """`reason` is vLLM's finish_reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts; `cached` is None when the engine does not tell it."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class EngineTimes:
    """Milliseconds by the engine's own clock (vLLM's --enable-per-request-metrics)."""

    queue: float
    first_token: float
    generation: float


@dataclass(frozen=True, slots=True)
class Fault:
    """The engine reports that it failed; `status` is the HTTP status it gives for that."""

    message: str
    status: int = 500


@dataclass(frozen=True, slots=True)
class Done:
    """The engine says that nothing follows."""


Event = Text | Thinking | Finish | Usage | EngineTimes | Fault | Done
