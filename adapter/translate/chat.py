"""/api/chat → vLLM. The way back is `translate.stream` with `replies.CHAT`."""

from __future__ import annotations

from adapter.translate import messages
from adapter.translate.generation import Question, ask
from adapter.translate.target import Target
from adapter.wire.ollama import ChatRequest


def to_openai(request: ChatRequest, target: Target) -> Question:
    """The question that a chat asks of the engine.

    Raises:
        BadOption: an option is of the wrong kind.
    """
    turns = messages.to_openai(request.messages)
    return ask(turns, request.options, target, streams=request.streams)
