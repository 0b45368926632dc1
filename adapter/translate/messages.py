"""Ollama's turns → vLLM's messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from adapter.translate.images import content
from adapter.translate.target import Target
from adapter.translate.tools import Ledger
from adapter.wire.ollama import Message


def with_own(turns: Sequence[Message], target: Target) -> tuple[Message, ...]:
    """The turns behind the model's own: its SYSTEM, unless the first turn is one; its MESSAGEs."""
    own = target.turns
    if target.system and not (turns and turns[0].role.lower() == "system"):
        own = (Message(role="system", content=target.system), *own)
    return (*own, *turns)


def to_openai(turns: Iterable[Message]) -> list[dict[str, Any]]:
    """One message for each turn. Roles are lower-cased and not judged: that is the template's.

    A turn without a role is the user's; thinking of earlier turns is not sent, as in Ollama.
    """
    ledger = Ledger()
    return [_message(turn, ledger) for turn in turns]


def _message(turn: Message, ledger: Ledger) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": turn.role.lower() or "user",
        "content": content(turn.content, turn.images),
    }
    if turn.tool_calls:
        message["tool_calls"] = ledger.calls(turn.tool_calls)
    if message["role"] == "tool":
        message |= ledger.result(turn)
    return message


def is_continued(turns: Sequence[Message]) -> bool:
    """Whether the last turn is the beginning of an answer, which the model is to go on with."""
    last = turns[-1] if turns else Message()
    return last.role.lower() == "assistant" and bool(last.content) and not last.tool_calls
