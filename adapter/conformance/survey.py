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
    unknown: tuple[str, ...] = ()
    """Names that were given, which are in no list and can't be shown."""


async def survey(wire: Wire, given: Mapping[str, str]) -> Survey:
    """Raises NoAnswer if not even the first request is answered.

    A server that answers the rest wrongly is a server without models here: the statements will say
    what is wrong with it.
    """
    version = dig(_json(await wire.get("/api/version")), "version")
    names = await _listed(wire)
    listed = names or {}
    candidates = [bare(name) for name in listed if not is_of_the_cloud(name)]
    wanted = dict.fromkeys([*given.values(), *candidates[:MOST_MODELS]])
    replies = {name: await _shown(wire, name) for name in wanted}
    cards = [card for name, reply in replies.items() if reply and (card := _card(name, reply))]
    known = {bare(name).lower() for name in listed}
    absent = {name for name, reply in replies.items() if reply and reply.status != 200}
    unknown = [n for n in given.values() if n in absent and bare(n).lower() not in known]
    return Survey(
        version if isinstance(version, str) else "",
        tuple(cards),
        frozenset(listed),
        tuple(unknown) if names is not None else (),
    )


async def listed_names(wire: Wire) -> dict[str, None]:
    """The names of /api/tags, in its order; none if it can't be read."""
    return await _listed(wire) or {}


async def _listed(wire: Wire) -> dict[str, None] | None:
    """None: there is no list, so nothing is known of what isn't in it."""
    try:
        models = dig(_json(await wire.get("/api/tags")), "models")
    except NoAnswer:
        return None
    if not isinstance(models, list):
        return None
    names = (dig(entry, "name") for entry in models)
    return dict.fromkeys(name for name in names if isinstance(name, str))


async def _shown(wire: Wire, name: str) -> Reply | None:
    try:
        return await wire.post("/api/show", {"model": name})
    except NoAnswer:
        return None


def _card(name: str, reply: Reply) -> Card | None:
    shown = _json(reply)
    words = dig(shown, "capabilities")
    if not isinstance(words, list):
        return None
    can = frozenset(word for word in words if isinstance(word, str))
    parent = dig(shown, "details.parent_model")
    return Card(name, can, _window(shown), parent if isinstance(parent, str) else "")


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
