"""/api/generate → vLLM. The way back is `translate.stream` with `replies.GENERATE`.

A prompt goes to vLLM's chat, which applies the model's template as Ollama does. What is not to
get that template (raw, suffix, a template of the request's own) goes to its completions.
"""

from __future__ import annotations

from adapter.errors import BadRequest
from adapter.translate import generation, gotemplate, messages
from adapter.translate.generation import Question
from adapter.translate.target import Target
from adapter.wire.ollama import GenerateRequest, Message


def to_openai(request: GenerateRequest, target: Target) -> Question:
    """The question that a prompt asks of the engine.

    Raises:
        BadOption, BadFormat: an option or the format is of the wrong kind.
        BadRequest: images where there is no chat to put them in.
        TemplateError: the template can't be rendered.
    """
    prompt, suffix = _untemplated(request, target)
    if prompt is None:
        turns = messages.to_openai(_turns(request, target))
        return generation.chat(turns, request, target, with_ids=True)
    if request.images:
        raise BadRequest("images can't be combined with raw, suffix or template")
    question = generation.completion(prompt, request, target, with_ids=not request.raw)
    if suffix:
        question.body["suffix"] = suffix
    return question


def _untemplated(request: GenerateRequest, target: Target) -> tuple[str | None, str]:
    """The prompt as it goes to completions, None if it goes to chat; and the suffix that is left
    to the engine."""
    template = request.template or target.template
    if request.raw:
        return request.prompt, ""
    if request.suffix and target.fim:
        marks = target.fim
        prompt = f"{marks.prefix}{request.prompt}{marks.suffix}{request.suffix}{marks.middle}"
        return prompt, ""
    if template:
        rendered = gotemplate.parse(template).render(
            _turns(request, target), prompt=request.prompt, suffix=request.suffix
        )
        return rendered, ""
    return (request.prompt, request.suffix) if request.suffix else (None, "")


def _turns(request: GenerateRequest, target: Target) -> list[Message]:
    system = request.system or target.system
    opening = [Message(role="system", content=system)] if system else []
    asked = Message(role="user", content=request.prompt)
    # The images were checked when the request was read; that is not cheap.
    return [*opening, *target.turns, asked.model_copy(update={"images": request.images})]
