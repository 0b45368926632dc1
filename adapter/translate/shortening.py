"""What may go from a prompt that is longer than the model's context, in Ollama's order.

Of a chat, whole turns: the oldest first, never a system turn, never the last. Of a prompt, its
middle. Both are told to the client in a header. Sources: `server/prompt.go` for chats; measured
with Ollama 0.33 for prompts: the first num_keep tokens and the last half window stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapter.translate.generation import Question

Messages = Sequence[Mapping[str, Any]]

DEFAULT_NUM_KEEP = 4
_COUNTED = (
    "model",
    "messages",
    "tools",
    "chat_template_kwargs",
    "add_generation_prompt",
    "continue_final_message",
)
"""The fields of a chat that decide how many tokens its prompt has."""


def to_tokenize(question: Question) -> dict[str, Any]:
    """The body for /tokenize that counts a chat's prompt."""
    return {key: value for key, value in question.body.items() if key in _COUNTED}


def text_to_tokenize(question: Question, text: str) -> dict[str, Any]:
    """The body for /tokenize that tells the tokens of a text by itself."""
    return {"model": question.body["model"], "prompt": text, "add_special_tokens": False}


def droppable(messages: Messages) -> list[int]:
    """The places of the turns that may go, oldest first.

    A result at the end stays with the calls that it answers.
    """
    kept_from = len(messages) - 1
    while kept_from > 0 and messages[kept_from]["role"] == "tool":
        kept_from -= 1
    return [i for i, message in enumerate(messages[:kept_from]) if message["role"] != "system"]


def without_oldest(question: Question, count: int) -> tuple[Question, int]:
    """The question without its `count` oldest turns that may go, and how many went in all.

    Results of calls that went go with them.
    """
    messages = question.body["messages"]
    places = droppable(messages)
    while count < len(places) and messages[places[count]]["role"] == "tool":
        count += 1
    gone = set(places[:count])
    kept = [message for i, message in enumerate(messages) if i not in gone]
    return replace(question, body=question.body | {"messages": kept}), len(gone)


def room(window: int, max_tokens: int | None) -> int:
    """Tokens to keep free for the answer when turns have to go anyway, if there are enough turns.

    An eighth of the window, or what the client limits the answer to.
    """
    return max(1, min(window // 8, max_tokens or window))


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
