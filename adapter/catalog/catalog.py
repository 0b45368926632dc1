"""Which name means which model of which engine. A catalog never changes; a new one replaces it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from adapter.catalog import names
from adapter.catalog.state import LORAS, Alias
from adapter.errors import AdapterError, BadOption, ConfigError
from adapter.settings import ModelSettings, Settings, split_fallback
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
    `configured` the configuration's name for it, "" if it has none. `verbatim`: a real Ollama has
    it, to which requests are passed as they are. `gone`: it is configured, but its engine, which
    answers, does not have it. `fallback` is what answers in its place while its engine is down,
    `vision` and `embedding` name what answers where it can't see or makes no vectors.
    """

    name: names.Name
    upstream: str
    target: Target
    listing: Listing
    alias: Alias | None = None
    configured: str = ""
    verbatim: bool = False
    gone: bool = False
    fallback: Entry | None = None
    vision: str = ""
    embedding: str = ""

    @property
    def counted_as(self) -> str:
        """The model's name in metrics and logs: of an alias its base's, for clients make aliases,
        and metrics need labels that nobody can add to."""
        return self.alias.definition.base if self.alias else self.listing.name

    @property
    def capabilities(self) -> frozenset[str]:
        return self.listing.capabilities


@dataclass(frozen=True, slots=True)
class Clash:
    """A name (as lists show it) that two upstreams have, and of which nobody has said whose it
    is."""

    name: str
    winner: str
    loser: str


class Catalog:
    """All models; each alias is an entry of its own. The first to claim a name has it."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._by_key: dict[str, Entry] = {}
        self._by_place: dict[tuple[str, str], Entry] = {}
        self.clashes: list[Clash] = []
        for entry in entries:
            kept = self._by_key.setdefault(entry.name.key, entry)
            decided = kept.configured or kept.alias or entry.alias
            if kept.upstream != entry.upstream and not decided:
                self.clashes.append(Clash(entry.listing.name, kept.upstream, entry.upstream))
            self._by_place.setdefault((entry.upstream, entry.name.key), entry)
            if served := names.parse(entry.target.served_name):
                self._by_place.setdefault((entry.upstream, served.key), entry)

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(self._by_key.values())

    def find(self, name: names.Name) -> Entry | None:
        return self._by_key.get(name.key)

    def at(self, upstream: str, name: names.Name) -> Entry | None:
        """The upstream's model of that name, be it ours or the upstream's, whoever has the name."""
        return self._by_place.get((upstream, name.key))


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
        ConfigError: a model's default options are none, or a configured name can't be asked for.
    """
    # In the order of the file, which decides whose a name is.
    order = [upstream.name for upstream in settings.upstreams]
    serving = {(up, row.served.id): row for up in order for row in found.get(up, ())}
    named: set[tuple[str, str]] = set()
    configured: list[Entry] = []
    renamed: list[Entry] = []
    for model, given in settings.models.items():
        _judge(model, given)
        upstream = given.upstream or settings.upstreams[0].name
        served = ServedModel(_served_name(settings, upstream, given.served_name or model))
        named.add((upstream, served.id))
        row = serving.get((upstream, served.id))
        gone = row is None and upstream in found and _kind(settings, upstream) != "openai"
        row = row or Found(served, Card(), since)
        entry = _entry(settings, names.for_served(model), upstream, row, given)
        fallback = _fallback(settings, given, serving, since)
        configured.append(replace(entry, configured=model, gone=gone, fallback=fallback))
        renamed += [_renamed(configured[-1], names.for_served(alias)) for alias in given.aliases]
    own_names = [
        _entry(settings, names.for_served(served_name), upstream, row, ModelSettings())
        for (upstream, served_name), row in serving.items()
        if (upstream, served_name) not in named and not is_ours(row.served)
    ]
    entries = [*configured, *renamed, *own_names]
    return Catalog([*entries, *_standing(Catalog(entries), aliases, settings)])


def _fallback(
    settings: Settings,
    given: ModelSettings,
    serving: Mapping[tuple[str, str], Found],
    since: str,
) -> Entry | None:
    """What stands in for a model, whether its upstream has shown it or not."""
    if not given.fallback:
        return None
    upstream, name = split_fallback(given.fallback)
    served = ServedModel(_served_name(settings, upstream, name))
    row = serving.get((upstream, served.id)) or Found(served, Card(), since)
    return _entry(settings, names.for_served(name), upstream, row, ModelSettings())


def _kind(settings: Settings, upstream: str) -> str:
    return next((one.kind for one in settings.upstreams if one.name == upstream), "vllm")


def _served_name(settings: Settings, upstream: str, name: str) -> str:
    """The engine's name, as it would list it: an Ollama's always has a tag."""
    parsed = names.parse(name) if _kind(settings, upstream) == "ollama" else None
    return parsed.display if parsed else name


def _standing(models: Catalog, aliases: Iterable[Alias], settings: Settings) -> Iterator[Entry]:
    for alias in aliases:
        name = names.parse(alias.definition.base)
        base = models.find(name) if name else None
        if base is not None and not base.verbatim:
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
    # What another server would answer in its place knows nothing of what the alias adds.
    plain = own == definition.Definition(own.base)
    return Entry(
        alias.name,
        base.upstream,
        target,
        listing,
        alias,
        gone=base.gone,
        fallback=base.fallback if plain else None,
        vision=base.vision,
        embedding=base.embedding,
    )


def _judge(model: str, given: ModelSettings) -> None:
    try:
        sampling(given.options, Target(model))
    except BadOption as error:
        raise ConfigError(f"models.{model}.options: {error.message}") from None
    _require_legal(f"models.{model}", model)
    for alias in given.aliases:
        _require_legal(f"models.{model}.aliases", alias)


def _require_legal(where: str, name: str) -> None:
    """Raises ConfigError for a name that a client that asks for it would not get."""
    try:
        asked = names.asked(name)
    except AdapterError:
        asked = None
    if asked is None or asked.key != names.for_served(name).key:
        raise ConfigError(
            f"{where}: {name!r} is no name that clients can ask for, such as llama3.2 or "
            "me/llama3.2:3b (what the engine calls the model is its served_name)"
        )


def _renamed(entry: Entry, name: names.Name) -> Entry:
    return replace(entry, name=name, listing=replace(entry.listing, name=name.display))


def _entry(
    settings: Settings, name: names.Name, upstream: str, row: Found, configured: ModelSettings
) -> Entry:
    served = row.served
    kind = _kind(settings, upstream)
    context = _context_length(configured.context_length or served.context_length, settings)
    wanted = frozenset[str](configured.capabilities) or served.capabilities
    defaults = OLLAMA_DEFAULTS if settings.server.sampling_defaults == "ollama" else {}
    if configured.fim:
        wanted |= {"insert"}
    listing = Listing(
        name=name.display,
        served_name=served.id,
        digest=(served.root if served.told else "") or digest_of(served.id, served.root),
        modified_at=_told_date(served) or row.card.modified_at or row.first_seen,
        card=row.card,
        capabilities=wanted,
        context_length=context,
        options=configured.options,
        told=served.told,
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
    return Entry(
        name,
        upstream,
        target,
        listing,
        verbatim=kind == "ollama",
        vision=configured.vision or settings.routing.vision,
        embedding=configured.embedding or settings.routing.embedding,
    )


def _told_date(served: ServedModel) -> str:
    return str(served.told["modified_at"]) if served.told else ""


def _context_length(known: int | None, settings: Settings) -> int | None:
    bound = settings.server.context_length
    return min(known, bound) if known and bound else known or bound
