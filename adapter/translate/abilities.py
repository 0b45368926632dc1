"""What a request needs of a model, and how it is told that the model lacks it.

The order is Ollama's (`server/routes.go`): thinking, then the route's own ability with tools or
insert, then what this adapter cannot do yet, which is refused rather than ignored.
"""

from __future__ import annotations

from adapter.errors import BadRequest
from adapter.wire.ollama import ChatRequest, GenerateRequest, GenerationRequest

IMPLEMENTED = frozenset({"completion", "embedding"})
"""Capabilities that the adapter can serve; a model's others are not advertised."""

Capabilities = frozenset[str]


def check_chat(request: ChatRequest, can: Capabilities, full_name: str) -> None:
    """Raises BadRequest, with Ollama's text, for what the model or the adapter can't do."""
    _check_thinking(request, can)
    if "completion" not in can:
        raise BadRequest(f'"{request.asked}" does not support chat')
    uses_tools = request.tools or any(turn.tool_calls for turn in request.messages)
    if uses_tools and "tools" not in can:
        raise BadRequest(f"{full_name} does not support tools")
    if any(turn.images for turn in request.messages) and "vision" not in can:
        raise BadRequest(f'"{request.asked}" does not support images')
    _check_shared(request)


def check_generate(request: GenerateRequest, can: Capabilities, full_name: str) -> None:
    """The same for /api/generate."""
    if request.raw and (request.template or request.system or request.context):
        raise BadRequest("raw mode does not support template, system, or context")
    _check_thinking(request, can)
    if "completion" not in can:
        raise BadRequest(f'"{request.asked}" does not support generate')
    if request.suffix and "insert" not in can:
        raise BadRequest(f"{full_name} does not support insert")
    if request.images and "vision" not in can:
        raise BadRequest(f'"{request.asked}" does not support images')
    for field in ("raw", "template", "context"):
        if getattr(request, field):
            raise _not_yet(field)
    _check_shared(request)


def check_logprobs(request: GenerationRequest) -> None:
    """Raises BadRequest; Ollama looks at this before it looks for the model."""
    if not 0 <= request.top_logprobs <= 20:
        raise BadRequest("top_logprobs must be between 0 and 20")


def _check_thinking(request: GenerationRequest, can: Capabilities) -> None:
    if request.think and "thinking" not in can:
        raise BadRequest(f'"{request.asked}" does not support thinking')


def _check_shared(request: GenerationRequest) -> None:
    if request.format not in (None, ""):
        raise _not_yet("format")
    if request.logprobs:
        raise _not_yet("logprobs")


def _not_yet(field: str) -> BadRequest:
    return BadRequest(f'"{field}" is not supported by this version of the adapter')
