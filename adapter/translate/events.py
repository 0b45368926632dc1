"""What an engine's stream says, in words of neither protocol.

Nobody changes an event. They are not frozen, for that makes them three times as slow to make, and
they are made by the thousand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Logprobs = Sequence[Mapping[str, Any]]
"""A row for each token: token, logprob, bytes, and top_logprobs, a list of the same."""


@dataclass(slots=True)
class Text:
    """Text may be empty when there are logprobs: of a token that has no text of its own."""

    text: str
    logprobs: Logprobs = ()


@dataclass(slots=True)
class Thinking:
    text: str
    logprobs: Logprobs = ()


@dataclass(slots=True)
class CallPart:
    """A piece of a tool call. Pieces of one call have its `index`; arguments come bit by bit."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Tokens:
    """Token ids: of the prompt, told once, and of what was generated since."""

    prompt: Sequence[int] = ()
    generated: Sequence[int] = ()


@dataclass(slots=True)
class Finish:
    """`reason` is vLLM's finish_reason."""

    reason: str


@dataclass(slots=True)
class Usage:
    """Token counts; `cached` is None when the engine does not tell it."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None = None


@dataclass(slots=True)
class EngineTimes:
    """Milliseconds by the engine's own clock (vLLM's --enable-per-request-metrics)."""

    queue: float
    first_token: float
    generation: float


@dataclass(slots=True)
class Grounds:
    """What the answer rests on, field by field as the engine tells it."""

    fields: Mapping[str, Any]


@dataclass(slots=True)
class Fault:
    """The engine reports that it failed; `status` is the HTTP status it gives for that."""

    message: str
    status: int = 500


@dataclass(slots=True)
class Done:
    """The engine says that nothing follows."""


Event = Text | Thinking | CallPart | Tokens | Finish | Usage | EngineTimes | Grounds | Fault | Done
