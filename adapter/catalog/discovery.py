"""Keeps the catalog true: what engines report and clients define becomes the next catalog."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from adapter.catalog.card import read_card
from adapter.catalog.catalog import Catalog, Clash, Found, build
from adapter.catalog.state import AliasStore
from adapter.observe.logs import events
from adapter.settings import Settings
from adapter.translate.lora import is_ours
from adapter.translate.timestamps import rfc3339
from adapter.wire.openai import ServedModel


class Discovery:
    """The current catalog. A model keeps the date of its first sight and its card."""

    def __init__(self, settings: Settings, wall_clock: Callable[[], int]) -> None:
        self.store = AliasStore(settings.server.state_dir)
        self._since = rfc3339(wall_clock())
        self._built_with = self.store.aliases
        self.catalog = build(settings, {}, self._since)
        self._settings = settings
        self._wall_clock = wall_clock
        self._found: dict[str, tuple[Found, ...]] = {}
        self._known: dict[tuple[str, str, str], Found] = {}
        self._told: set[Clash] = set()

    @property
    def complete(self) -> bool:
        """Whether every engine has been heard at least once."""
        return all(upstream.name in self._found for upstream in self._settings.upstreams)

    async def take(self, upstream: str, served: Sequence[ServedModel]) -> None:
        """A new report of one engine; a catalog is built only if it says something new."""
        found = tuple([await self._find(upstream, model) for model in served])
        before = self._found.get(upstream)
        if before != found:
            self._found[upstream] = found
            self.catalog = self._build()
            if before is not None:
                _tell_changes(upstream, _ids(before), _ids(found))

    async def refresh(self) -> None:
        """Takes up what this or another process has done to the aliases."""
        await self.store.refresh()
        if self._built_with is not self.store.aliases:
            self.catalog = self._build()

    def loras(self, upstream: str) -> set[str]:
        """The adapters that aliases need of an engine, by its names."""
        wanted = (entry for entry in self.catalog.entries if entry.upstream == upstream)
        return {entry.alias.definition.lora for entry in wanted if entry.alias} - {""}

    def _build(self) -> Catalog:
        self._built_with = self.store.aliases
        catalog = build(self._settings, self._found, self._since, self._built_with)
        for clash in catalog.clashes:
            if clash not in self._told:
                self._told.add(clash)
                events.warning(
                    "model=%s: %s and %s have it; it means that of %s, the first in the file",
                    *(clash.name, clash.winner, clash.loser, clash.winner),
                )
        return catalog

    async def _find(self, upstream: str, served: ServedModel) -> Found:
        key = (upstream, served.id, served.root)
        known = self._known.get(key)
        if known is None or known.served != served:
            card = (
                known.card
                if known
                else await asyncio.to_thread(
                    read_card, served.root, served.id, self._settings.server.hub_cache
                )
            )
            first_seen = known.first_seen if known else rfc3339(self._wall_clock())
            known = self._known[key] = Found(served, card, first_seen)
        return known


def _ids(found: Iterable[Found]) -> set[str]:
    return {row.served.id for row in found if not is_ours(row.served)}


def _tell_changes(upstream: str, before: set[str], now: set[str]) -> None:
    for model in sorted(before - now):
        events.warning("upstream=%s no longer has %s", upstream, model)
    for model in sorted(now - before):
        events.info("upstream=%s has %s", upstream, model)
