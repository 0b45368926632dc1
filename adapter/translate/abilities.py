"""What a request needs of a model, and how it is told that the model lacks it.

The order is Ollama's (`server/routes.go`): thinking, then the route's own ability with tools or
insert. Images are not judged: Ollama leaves that to its engine, and so does this.
"""

from __future__ import annotations

from adapter.errors import BadRequest
from adapter.wire.ollama import ChatRequest, GenerateRequest, GenerationRequest

Capabilities = frozenset[str]

_LONE = ("template", "suffix", "images")
"""Fields of /api/generate that a context can't be gone on with."""


def check_chat(request: ChatRequest, can: Capabilities, full_name: str) -> None:
    """Raises BadRequest, with Ollama's text, for what the model can't do."""
    _check_thinking(request, can)
    if "completion" not in can:
        raise BadRequest(f'"{request.asked}" does not support chat')
    if request.tools and "tools" not in can:
        raise BadRequest(f"{full_name} does not support tools")


def check_generate(request: GenerateRequest, can: Capabilities, full_name: str) -> None:
    """The same for /api/generate, and for fields that exclude each other."""
    if request.raw and (request.template or request.system or request.context):
        raise BadRequest("raw mode does not support template, system, or context")
    _check_thinking(request, can)
    if "completion" not in can:
        raise BadRequest(f'"{request.asked}" does not support generate')
    if request.suffix and "insert" not in can:
        raise BadRequest(f"{full_name} does not support insert")
    for field in _LONE if request.context else ():
        if getattr(request, field):
            raise BadRequest(f"context can't be combined with {field}")
    if request.context and request.think:
        # vLLM parses reasoning in chats only, and a context is gone on with as a completion.
        raise BadRequest("context can't be combined with think")


def check_logprobs(request: GenerationRequest) -> None:
    """Raises BadRequest; Ollama looks at this before it looks for the model."""
    if not 0 <= request.top_logprobs <= 20:
        raise BadRequest("top_logprobs must be between 0 and 20")


def _check_thinking(request: GenerationRequest, can: Capabilities) -> None:
    if request.think and "thinking" not in can:
        raise BadRequest(f'"{request.asked}" does not support thinking')
