"""What is known of the server under test, and which statements make sense there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from adapter.conformance.statements import Statement

WORDS_OF_THE_LONG_INPUT = 600
ROLES = {
    "model": "a chat model with tools and thinking",
    "plain": "a chat model without tools, thinking, vision and insert",
    "embed": "an embedding model",
    "insert": "a model that fills in the middle",
}
"""What the placeholders stand for. {{PLAIN}} goes with {{plain}}."""


@dataclass(frozen=True)
class Target:
    url: str
    names: dict[str, str] = field(default_factory=dict)
    """Placeholder to model name, for those that were given or found."""
    windows: dict[str, int] = field(default_factory=dict)
    """Model name to context length in tokens, where the server tells it."""
    taken: frozenset[str] = frozenset()
    """Names of models that were there before, as /api/tags shows them."""
    scripted: bool = False
    """The engine obeys the words of `mock`."""
    loopback: bool = True
    """It is reached through a loopback address."""
    pull: bool = False
    """It may be asked to pull a model that it has."""


def hindrance(statement: Statement, target: Target) -> str:
    """Why a statement is not applicable; "" if it is."""
    for role in sorted(statement.placeholders):
        if role not in target.names:
            return f"no model for it: needs {ROLES[role.lower()]} (--{role.lower()} NAME)"
    if statement.mock and not target.scripted:
        return f"needs a scripted engine that obeys {statement.mock} (--scripted)"
    for name in statement.creates:
        if name in target.taken or f"{name}:latest" in target.taken:
            return f"the server has a model {name}, which the suite would overwrite"
    unmet = [word for word in statement.requires if not CONDITIONS[word][0](statement, target)]
    return CONDITIONS[unmet[0]][1] if unmet else ""


def _names(statement: Statement, target: Target) -> list[str]:
    return [target.names[role] for role in statement.placeholders]


def _is_short(statement: Statement, target: Target) -> bool:
    return all("/" not in name for name in _names(statement, target))


def _has_no_tag(statement: Statement, target: Target) -> bool:
    return all(re.search(r":[^/]*$", name) is None for name in _names(statement, target))


def _window_is_small(statement: Statement, target: Target) -> bool:
    windows = (target.windows.get(name, 0) for name in _names(statement, target))
    return all(window < WORDS_OF_THE_LONG_INPUT for window in windows)


CONDITIONS: dict[str, tuple[Callable[[Statement, Target], bool], str]] = {
    "loopback": (
        lambda _, target: target.loopback,
        "the host check exists on a loopback listener only",
    ),
    "pull": (
        lambda _, target: target.pull,
        "a real Ollama would fetch the model's newest version (--pull)",
    ),
    "short name": (_is_short, "the model's name has a namespace"),
    "no tag": (_has_no_tag, "the model's name has a tag"),
    "small window": (_window_is_small, f"the model takes {WORDS_OF_THE_LONG_INPUT} words and more"),
}
"""Words of `requires`: when it holds, and what to say when it doesn't."""
