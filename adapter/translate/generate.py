"""/api/generate → vLLM's chat, which applies the model's template as Ollama does.

The way back is `translate.stream` with `replies.GENERATE`.
"""

from __future__ import annotations

from adapter.translate.generation import Question, ask
from adapter.translate.target import Target
from adapter.wire.ollama import GenerateRequest


def to_openai(request: GenerateRequest, target: Target) -> Question:
    """The question that a prompt asks of the engine.

    Raises:
        BadOption: an option is of the wrong kind.
    """
    system = [{"role": "system", "content": request.system}] if request.system else []
    turns = [*system, {"role": "user", "content": request.prompt}]
    return ask(turns, request.options, target, streams=request.streams)
