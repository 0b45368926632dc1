"""Which name means which model of which engine. A catalog never changes; a new one replaces it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapter.catalog import names
from adapter.catalog.state import LORAS, Alias
from adapter.errors import BadOption, ConfigError
from adapter.settings import ModelSettings, Settings
from adapter.translate import definition
from adapter.translate.lora import is_ours
from adapter.translate.models import Card, Listing, digest_of
from adapter.translate.options import OLLAMA_DEFAULTS, sampling
from adapter.translate.target import FimTokens, Target
from adapter.wire.openai import ServedModel


@dataclass(frozen=True, slots=True)
class Found:
    """A model that an engine serves, with what its files say. `first_seen` is RFC 3339."""

    served: ServedModel
    card: Card
    first_seen: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A row: how clients see the model, what translation needs, and who serves it.

    `alias` is what clients made it of, None for a model that is served or configured;
    `configured` the configuration's name for it, "" if it has none.
    """

    name: names.Name
    upstream: str
    target: Target
    listing: Listing
    alias: Alias | None = None
    configured: str = ""

    @property
    def counted_as(self) -> str:
        """The model's name in metrics and logs: of an alias its base's, for clients make aliases,
        and metrics need labels that nobody can add to."""
        return self.alias.definition.base if self.alias else self.listing.name

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


def build(
    settings: Settings,
    found: Mapping[str, Iterable[Found]],
    since: str,
    aliases: Iterable[Alias] = (),
) -> Catalog:
    """The catalog for the configured models and those that engines serve (upstream → models).

    A configured model that no engine has shown yet is dated `since` (RFC 3339). An alias whose
    base is not there is left out, and one whose name a model has.

    Raises:
        ConfigError: a model's default options are none.
    """
    serving = {(upstream, row.served.id): row for upstream, rows in found.items() for row in rows}
    named: set[tuple[str, str]] = set()
    configured: list[Entry] = []
    renamed: list[Entry] = []
    for model, given in settings.models.items():
        _judge(model, given.options)
        upstream = given.upstream or settings.upstreams[0].name
        served = ServedModel(given.served_name or model)
        named.add((upstream, served.id))
        row = serving.get((upstream, served.id)) or Found(served, Card(), since)
        entry = _entry(settings, names.for_served(model), upstream, row, given)
        configured.append(replace(entry, configured=model))
        renamed += [_renamed(configured[-1], names.for_served(alias)) for alias in given.aliases]
    own_names = [
        _entry(settings, names.for_served(served_name), upstream, row, ModelSettings())
        for (upstream, served_name), row in serving.items()
        if (upstream, served_name) not in named and not is_ours(row.served)
    ]
    models = Catalog([*configured, *renamed, *own_names])
    return Catalog([*models.entries, *_standing(models, aliases, settings)])


def _standing(models: Catalog, aliases: Iterable[Alias], settings: Settings) -> Iterator[Entry]:
    for alias in aliases:
        name = names.parse(alias.definition.base)
        base = models.find(name) if name else None
        if base is not None:
            yield _aliased(base, alias, Path(settings.server.state_dir))


def _aliased(base: Entry, alias: Alias, folder: Path) -> Entry:
    """An alias as an entry of its own."""
    own = alias.definition
    target = replace(
        base.target,
        served_name=own.lora or base.target.served_name,
        options={**base.target.options, **own.options},
        system=own.system,
        turns=own.messages,
        template=own.template,
    )
    can = base.listing.capabilities
    if own.template and "completion" in can:
        # The adapter writes the prompt itself: what the model's chat template can do is out.
        can = frozenset({"completion", "insert"} if ".Suffix" in own.template else {"completion"})
        target = replace(target, thinks=False, fim=None)
    listing = replace(
        base.listing,
        name=alias.name.display,
        served_name=target.served_name,
        digest=definition.digest_of(alias.fingerprint, base.listing.digest),
        modified_at=alias.created_at,
        capabilities=can,
        options={**base.listing.options, **own.options},
        own=own,
        adapter=str(folder.absolute() / LORAS / own.lora) if own.lora else "",
    )
    return Entry(alias.name, base.upstream, target, listing, alias)


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
    if configured.fim:
        wanted |= {"insert"}
    listing = Listing(
        name=name.display,
        served_name=served.id,
        digest=digest_of(served.id, served.root),
        modified_at=row.card.modified_at or row.first_seen,
        card=row.card,
        capabilities=wanted,
        context_length=context,
        options=configured.options,
    )
    options = {**defaults, **configured.options}
    target = Target(
        served.id,
        context,
        options,
        vllm=kind == "vllm",
        thinks="thinking" in wanted,
        fim=FimTokens(**configured.fim.model_dump()) if configured.fim else None,
    )
    return Entry(name, upstream, target, listing)


def _context_length(known: int | None, settings: Settings) -> int | None:
    bound = settings.server.context_length
    return min(known, bound) if known and bound else known or bound
