"""Ollama's turns → vLLM's messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adapter.wire.ollama import Message


def to_openai(turns: Iterable[Message]) -> list[dict[str, Any]]:
    """One message for each turn. Roles are lower-cased and not judged: that is the template's.

    A turn without a role is the user's; thinking of earlier turns is not sent, as in Ollama.
    """
    return [{"role": turn.role.lower() or "user", "content": turn.content} for turn in turns]
