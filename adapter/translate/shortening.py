"""What may go from a prompt that is longer than the model's context, in Ollama's order.

Of a chat, whole turns: the oldest first, never a system turn, never the last. Of a prompt, its
middle. Both are told to the client in a header. Sources: `server/prompt.go` for chats; measured
with Ollama 0.33 for prompts: the first num_keep tokens and the last half window stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from adapter.translate.generation import Question
from adapter.wire.ollama import ChatRequest, Message

DEFAULT_NUM_KEEP = 4
_CHARACTERS_PER_TOKEN = 16
"""More than any tokenizer makes of ordinary text."""
_COUNTED = (
    "model",
    "messages",
    "prompt",
    "tools",
    "chat_template_kwargs",
    "add_generation_prompt",
    "continue_final_message",
)
"""The fields that decide how many tokens a prompt has."""


def to_tokenize(question: Question) -> dict[str, Any]:
    """The body for /tokenize that counts the whole prompt of a question."""
    return {key: value for key, value in question.body.items() if key in _COUNTED}


def text_to_tokenize(question: Question, text: str) -> dict[str, Any]:
    """The body for /tokenize that tells the tokens of a text by itself."""
    return {"model": question.body["model"], "prompt": text, "add_special_tokens": False}


def droppable(turns: Sequence[Message]) -> list[int]:
    """The places of the turns that may go, oldest first.

    A result at the end stays with the calls that it answers.
    """
    kept_from = len(turns) - 1
    while kept_from > 0 and _role(turns[kept_from]) == "tool":
        kept_from -= 1
    return [i for i, turn in enumerate(turns[:kept_from]) if _role(turn) != "system"]


def cuts(turns: Sequence[Message]) -> list[int]:
    """How many of the oldest turns may go: so many that what is left begins with a user's turn,
    for there are templates that take nothing else; results never lose their calls.

    Where no user's turn is left to begin with, as in the work of an agent, with any other turn.
    """
    places = droppable(turns)
    for beginnings in (("user",), ("user", "assistant")):
        found = [n for n in range(1, len(places)) if _role(turns[places[n]]) in beginnings]
        if found:
            return [*found, len(places)]
    return [len(places)] if places else []


def without_oldest(request: ChatRequest, count: int) -> ChatRequest:
    """The request without its `count` oldest turns that may go."""
    gone = set(droppable(request.messages)[:count])
    kept = tuple(turn for i, turn in enumerate(request.messages) if i not in gone)
    return request.model_copy(update={"messages": kept})


def _role(turn: Message) -> str:
    return turn.role.lower() or "user"


def room(window: int, max_tokens: int | None) -> int:
    """Tokens to keep free for the answer when turns have to go anyway, if there are enough turns.

    An eighth of the window, or what the client limits the answer to.
    """
    return max(1, min(window // 8, max_tokens or window))


def bounded(text: str, window: int) -> tuple[str, bool]:
    """A text whose tokens are worth counting, and whether anything of it is missing.

    Beginning and end of one that is many times the window; the middle goes anyway.
    """
    half = window * _CHARACTERS_PER_TOKEN
    if len(text) <= 2 * half:
        return text, False
    return text[:half] + text[-half:], True


def prompt_text(question: Question) -> str:
    """The text of a prompt: of a completion, or of a chat's last turn."""
    if "prompt" in question.body:
        prompt = question.body["prompt"]
        return prompt if isinstance(prompt, str) else ""
    content = question.body["messages"][-1]["content"]
    if isinstance(content, str):
        return content
    return next((part["text"] for part in content if part["type"] == "text"), "")


def with_prompt(question: Question, prompt: str | list[int]) -> Question:
    """The question with another prompt in the place of its own."""
    if "prompt" in question.body:
        return replace(question, body=question.body | {"prompt": prompt})
    *earlier, last = question.body["messages"]
    content = last["content"]
    if not isinstance(content, str):
        prompt_part = {"type": "text", "text": prompt}
        content = [prompt_part if part["type"] == "text" else part for part in content]
    else:
        content = prompt
    messages = [*earlier, {**last, "content": content}]
    return replace(question, body=question.body | {"messages": messages})


def without_middle(tokens: Sequence[int], window: int, around: int, num_keep: int) -> list[int]:
    """The first `num_keep` tokens and the last half window, less the `around` of the template."""
    tail = max(1, window // 2 - around)
    head = max(0, min(num_keep, tail))
    if head + tail >= len(tokens):
        return list(tokens)
    return [*tokens[:head], *tokens[len(tokens) - tail :]]
