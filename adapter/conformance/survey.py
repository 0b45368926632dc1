"""A first look at a server: its version, and which of its models can do what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapter.conformance.choosing import Card, bare, is_of_the_cloud
from adapter.conformance.reply import Reply, Unreadable
from adapter.conformance.values import dig, is_integer
from adapter.conformance.wire import NoAnswer, Wire

MOST_MODELS = 100
"""How many are looked at."""


@dataclass(frozen=True)
class Survey:
    version: str
    """As the server tells it; "" if it doesn't."""
    cards: tuple[Card, ...] = ()
    listed: frozenset[str] = frozenset()
    """Every name in /api/tags."""


async def survey(wire: Wire, given: Mapping[str, str]) -> Survey:
    """Raises NoAnswer if not even the first request is answered.

    A server that answers the rest wrongly is a server without models here: the statements will say
    what is wrong with it.
    """
    version = dig(_json(await wire.get("/api/version")), "version")
    listed = await listed_names(wire)
    candidates = [bare(name) for name in listed if not is_of_the_cloud(name)]
    wanted = dict.fromkeys([*given.values(), *candidates[:MOST_MODELS]])
    cards = [card for name in wanted if (card := await _card(wire, name)) is not None]
    return Survey(version if isinstance(version, str) else "", tuple(cards), frozenset(listed))


async def listed_names(wire: Wire) -> dict[str, None]:
    """The names of /api/tags, in its order; none if it can't be read."""
    try:
        models = dig(_json(await wire.get("/api/tags")), "models")
    except NoAnswer:
        return {}
    names = [dig(entry, "name") for entry in models] if isinstance(models, list) else []
    return dict.fromkeys(name for name in names if isinstance(name, str))


async def _card(wire: Wire, name: str) -> Card | None:
    try:
        shown = _json(await wire.post("/api/show", {"model": name}))
    except NoAnswer:
        return None
    words = dig(shown, "capabilities")
    if not isinstance(words, list):
        return None
    return Card(name, frozenset(word for word in words if isinstance(word, str)), _window(shown))


def _window(shown: Any) -> int:
    info = dig(shown, "model_info")
    if not isinstance(info, dict):
        return 0
    window = info.get(f"{info.get('general.architecture')}.context_length")
    return window if is_integer(window) else 0


def _json(reply: Reply) -> Any:
    try:
        return reply.json if reply.status == 200 else None
    except Unreadable:
        return None
