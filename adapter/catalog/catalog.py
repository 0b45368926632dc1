"""Which name means which model of which engine. A catalog never changes; a new one replaces it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from adapter.catalog import names
from adapter.errors import BadOption, ConfigError
from adapter.settings import ModelSettings, Settings
from adapter.translate.abilities import IMPLEMENTED
from adapter.translate.models import Card, Listing, digest_of
from adapter.translate.options import OLLAMA_DEFAULTS, sampling
from adapter.translate.target import Target
from adapter.wire.openai import ServedModel


@dataclass(frozen=True, slots=True)
class Found:
    """A model that an engine serves, with what its files say. `first_seen` is RFC 3339."""

    served: ServedModel
    card: Card
    first_seen: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A row: how clients see the model, what translation needs, and who serves it."""

    name: names.Name
    upstream: str
    target: Target
    listing: Listing

    @property
    def capabilities(self) -> frozenset[str]:
        return self.listing.capabilities


class Catalog:
    """All models; each alias is an entry of its own. The first to claim a name has it."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._by_key: dict[str, Entry] = {}
        for entry in entries:
            self._by_key.setdefault(entry.name.key, entry)

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(self._by_key.values())

    def find(self, name: names.Name) -> Entry | None:
        return self._by_key.get(name.key)


def build(settings: Settings, found: Mapping[str, Iterable[Found]], since: str) -> Catalog:
    """The catalog for the configured models and those that engines serve (upstream → models).

    A configured model that no engine has shown yet is dated `since` (RFC 3339).

    Raises:
        ConfigError: a model's default options are none.
    """
    serving = {(upstream, row.served.id): row for upstream, rows in found.items() for row in rows}
    configured: list[Entry] = []
    aliases: list[Entry] = []
    for model, given in settings.models.items():
        _judge(model, given.options)
        upstream = given.upstream or settings.upstreams[0].name
        served = ServedModel(given.served_name or model)
        row = serving.pop((upstream, served.id), None) or Found(served, Card(), since)
        configured.append(_entry(settings, names.for_served(model), upstream, row, given))
        aliases += [_renamed(configured[-1], names.for_served(alias)) for alias in given.aliases]
    own_names = [
        _entry(settings, names.for_served(served_name), upstream, row, ModelSettings())
        for (upstream, served_name), row in serving.items()
    ]
    return Catalog([*configured, *aliases, *own_names])


def _judge(model: str, options: Mapping[str, Any]) -> None:
    try:
        sampling(options, Target(model))
    except BadOption as error:
        raise ConfigError(f"models.{model}.options: {error.message}") from None


def _renamed(entry: Entry, name: names.Name) -> Entry:
    return replace(entry, name=name, listing=replace(entry.listing, name=name.display))


def _entry(
    settings: Settings, name: names.Name, upstream: str, row: Found, configured: ModelSettings
) -> Entry:
    served = row.served
    kind = next((one.kind for one in settings.upstreams if one.name == upstream), "vllm")
    context = _context_length(configured.context_length or served.context_length, settings)
    wanted = frozenset[str](configured.capabilities) or served.capabilities
    defaults = OLLAMA_DEFAULTS if settings.server.sampling_defaults == "ollama" else {}
    listing = Listing(
        name=name.display,
        served_name=served.id,
        digest=digest_of(served.id, served.root),
        modified_at=row.first_seen,
        card=row.card,
        capabilities=wanted & IMPLEMENTED,
        context_length=context,
        options=configured.options,
    )
    options = {**defaults, **configured.options}
    return Entry(name, upstream, Target(served.id, context, options, kind == "vllm"), listing)


def _context_length(known: int | None, settings: Settings) -> int | None:
    bound = settings.server.context_length
    return min(known, bound) if known and bound else known or bound
