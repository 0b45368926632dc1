"""`context` of /api/generate: the token ids of a conversation so far, to be gone on with.

The ids that the client hands back are the prompt and the answer exactly as the engine had them.
What has to follow them is what the model's template puts between an answer and the next one:
the end of the answer's turn and the new turn. No engine tells that by itself, but two
conversations that differ in nothing but an earlier answer have it as their common end.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from adapter.errors import BadRequest
from adapter.translate import generation, thinking
from adapter.translate.generation import Question
from adapter.translate.target import Target
from adapter.wire.ollama import GenerateRequest

_ANSWERS = ("yes", "no")
_LONGEST_TURN_END = 16
"""Tokens that a template may put at the end of an answer's turn; a few, usually one or two."""


def to_tokenize(request: GenerateRequest, target: Target) -> list[dict[str, Any]]:
    """The two bodies for /tokenize whose results have the new turn as their common end.

    A system text of the request's own is a part of it; the model's is in the context already.

    Raises:
        BadRequest: the model has a template that only the adapter knows.
    """
    if target.template:
        raise BadRequest("context can't be combined with a template")
    system = [{"role": "system", "content": request.system}] if request.system else []
    return [
        {
            "model": target.served_name,
            "messages": [
                {"role": "user", "content": "?"},
                {"role": "assistant", "content": answer},
                *system,
                {"role": "user", "content": request.prompt},
            ],
            **thinking.fields(False, target),
        }
        for answer in _ANSWERS
    ]


def to_openai(
    request: GenerateRequest, target: Target, conversations: Sequence[Sequence[int]]
) -> Question:
    """The question whose prompt is the context and the new turn.

    Raises:
        BadOption, BadFormat: an option or the format is of the wrong kind.
    """
    prompt = _joined(request.context, _common_end(*conversations))
    return generation.completion(prompt, request, target, with_ids=True)


def _common_end(one: Sequence[int], other: Sequence[int]) -> Sequence[int]:
    pairs = zip(reversed(one), reversed(other), strict=False)
    length = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return one[len(one) - length :]


def _joined(context: Sequence[int], turn: Sequence[int]) -> list[int]:
    """An answer that ended by itself already has the end of its turn, or the beginning of it."""
    longest = min(len(context), len(turn), _LONGEST_TURN_END)
    overlaps = (n for n in range(longest, 0, -1) if list(context[-n:]) == list(turn[:n]))
    return [*context, *turn[next(overlaps, 0) :]]
