"""/api/chat → vLLM. The way back is `translate.stream` with `replies.CHAT`."""

from __future__ import annotations

from adapter.errors import BadRequest
from adapter.translate import generation, gotemplate, messages, tools
from adapter.translate.generation import Question
from adapter.translate.target import Target
from adapter.wire.ollama import ChatRequest


def to_openai(request: ChatRequest, target: Target) -> Question:
    """The question that a chat asks of the engine.

    Raises:
        BadOption, BadFormat: an option or the format is of the wrong kind.
        BadRequest: images for a TEMPLATE, which is text alone.
        TemplateError: the model's TEMPLATE can't be rendered.
    """
    turns = messages.with_own(request.messages, target)
    if target.template:
        if any(turn.images for turn in turns):
            raise BadRequest("images can't be combined with a template")
        prompt = gotemplate.parse(target.template).render(turns)
        return generation.completion(prompt, request, target, with_ids=False)
    question = generation.chat(
        messages.to_openai(turns), request, target, continued=messages.is_continued(turns)
    )
    if request.tools:
        question.body["tools"] = tools.definitions(request.tools)
        if request.tool_choice is not None:
            question.body["tool_choice"] = request.tool_choice
    return question
