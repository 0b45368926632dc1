"""Which of a server's models stand for the placeholders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

SMALL_WINDOW = 512


@dataclass(frozen=True)
class Card:
    """A model as /api/tags names it and /api/show describes it."""

    name: str
    capabilities: frozenset[str]
    window: int = 0
    """Context length in tokens; 0 if it isn't told."""
    parent: str = ""
    """The model that it was made from, such as a copy, an alias or a LoRA; "" if it is its own."""


MORE_THAN_TALK = {"tools", "thinking", "vision", "insert"}


FITS: dict[str, Callable[[frozenset[str]], bool]] = {
    "model": lambda words: {"completion", "tools", "thinking"} <= words,
    "plain": lambda words: "completion" in words and not MORE_THAN_TALK & words,
    "embed": lambda words: "embedding" in words,
    "insert": lambda words: "insert" in words,
}


def choose(cards: Sequence[Card], given: Mapping[str, str]) -> dict[str, str]:
    """Placeholder to name: what was given, else the first of the best that fit."""
    names = dict(given)
    for role, fits in FITS.items():
        found = [card for card in cards if fits(card.capabilities)]
        if role not in names and found:
            names[role] = min(found, key=_RANKS.get(role, _by_name)).name
    if "plain" in names:
        names["PLAIN"] = names["plain"].upper()
    return names


def _by_name(card: Card) -> tuple[bool, ...]:
    """Best first: nobody's prompt or template in it; a bare name shows most of the rules."""
    return (card.parent != "", "/" in card.name, ":" in card.name)


def _by_window(card: Card) -> tuple[bool, ...]:
    """A small window shows what becomes of a text that is too long."""
    made, *name = _by_name(card)
    return (made, not 0 < card.window <= SMALL_WINDOW, *name)


_RANKS: dict[str, Callable[[Card], tuple[bool, ...]]] = {"embed": _by_window}


def bare(name: str) -> str:
    """Without the tag that may be left out."""
    return name.removesuffix(":latest")


def is_of_the_cloud(name: str) -> bool:
    """Somebody else's computer would answer, and send a bill."""
    return name.endswith((":cloud", "-cloud"))
