"""A conversation → what to look for, if anything."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from services.grounding.citations import without_list

Message = Mapping[str, Any]

BYPASS = "/bypass "
"""Put before a question, it is answered without the documents."""

_TASK = "### Task:"
_OF_A_CHAT = re.compile(r"<chat_history>|### Chat History|<text>|JSON format", re.IGNORECASE)
_ASIDES = (
    "Your task is to reflect the speaker's likely facial expression through a fitting emoji",
    "You have been provided with a set of responses from various models to the latest user query",
)
_TOOLS = "Available Tools:"
_CONDENSE = (
    "Rewrite the last question so that it can be understood without the conversation. "
    "Keep its language. Answer with the question only."
)
_TURNS = 6
_LONGEST_TURN = 2000


def text_of(message: Message) -> str:
    """The text of a message whose content may have parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    given = content if isinstance(content, list) else ()
    parts = (part.get("text") for part in given if isinstance(part, Mapping))
    return "\n".join(part for part in parts if isinstance(part, str))


def last_question(messages: Sequence[Message]) -> str:
    """The user's last turn."""
    return next((text_of(one) for one in reversed(messages) if one.get("role") == "user"), "")


def is_aside(messages: Sequence[Message]) -> bool:
    """Whether a user interface asks in the user's name: for a title, tags, follow-ups.

    Open WebUI's prompts are known by how they begin. Those for a title, tags, follow-ups, a query,
    a picture or the rest of a sentence have the conversation in them; one asks for an emoji, one
    has the answers of several models; which tool to call is asked by the system's turn.
    """
    question = last_question(messages).lstrip()
    if question.startswith(_TASK):
        return bool(_OF_A_CHAT.search(question))
    system = (text_of(one) for one in messages if one.get("role") == "system")
    return question.startswith(_ASIDES) or any(one.lstrip().startswith(_TOOLS) for one in system)


def is_follow_up(messages: Sequence[Message]) -> bool:
    return len([one for one in messages if one.get("role") == "user"]) > 1


def condensing(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The conversation that asks a model for the whole question."""
    turns = [one for one in messages if one.get("role") in ("user", "assistant")][-_TURNS:]
    told = "\n".join(
        f"{turn['role']}: {without_list(text_of(turn))[:_LONGEST_TURN]}" for turn in turns
    )
    return [{"role": "system", "content": _CONDENSE}, {"role": "user", "content": told}]


def condensed(answer: str, question: str) -> str:
    """The model's question, if it gave one: one line of a sane length; else the user's."""
    lines = [line.strip().strip('"') for line in answer.strip().splitlines() if line.strip()]
    if len(lines) != 1 or not 3 <= len(lines[0]) <= 3 * len(question) + 400:
        return ""
    return lines[0]
