"""What handlers share: built once for an application, found under typed keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from adapter.catalog import names
from adapter.catalog.catalog import Entry
from adapter.catalog.discovery import Discovery
from adapter.errors import ModelNotFound, UpstreamError
from adapter.observe.facts import Facts
from adapter.observe.ledger import Ledger
from adapter.observe.metrics import Metrics
from adapter.server.admission import Admission
from adapter.server.drain import OpenStreams
from adapter.server.loras import Loras
from adapter.server.origins import Origins
from adapter.settings import Settings
from adapter.upstream.engine import Engine
from adapter.upstream.ollama import Ollama
from adapter.upstream.residency import Residency


@dataclass(slots=True)
class State:
    settings: Settings
    metrics: Metrics
    ledger: Ledger
    discovery: Discovery
    residency: Residency
    admission: Admission
    engines: dict[str, Engine]
    streams: OpenStreams
    origins: Origins
    on_loopback: bool = True
    """Whether it listens where only this machine can ask."""
    loras: Loras = field(default_factory=Loras)
    mentioned: set[str] = field(default_factory=set)
    """Models of which the log has said that a client wants too large a window."""
    routes: bool = False
    """Whether there is more than one place where a model's request can go."""
    clock: Callable[[], int] = time.monotonic_ns
    wall_clock: Callable[[], int] = time.time_ns

    @property
    def first_ollama(self) -> str | None:
        """The real Ollama that gets what nobody has: the first in the file."""
        kinds = self.settings.upstreams
        return next((upstream.name for upstream in kinds if upstream.kind == "ollama"), None)

    async def find(self, asked: str, missing: str, *, heard: bool = False) -> Entry:
        """The entry of the model asked for. `heard`: engines were just given a moment for news.

        Raises:
            BadRequest, Forbidden: the name is none.
            ModelNotFound: nobody serves it; `missing` is the text.
            UpstreamAway: it can't be told yet, as an engine has not been heard so far.
        """
        entry = await self.look_up(asked, heard=heard)
        if entry is not None and not entry.gone:
            return entry
        if entry is None and not self.discovery.complete:
            raise self._not_heard()
        raise ModelNotFound(missing)

    async def look_up(self, asked: str, *, heard: bool = False) -> Entry | None:
        """The entry of a name, or None; `gone` are only those that a fresh look has not found.

        Raises:
            BadRequest, Forbidden: the name is none.
        """
        name = names.asked(asked)
        await self.discovery.refresh()
        entry = self.discovery.catalog.find(name)
        if (entry is None or entry.gone) and not heard:
            await self._hear()
            entry = self.discovery.catalog.find(name)
        return entry

    async def entries(self) -> tuple[Entry, ...]:
        """All models; an engine that has not been heard so far gets a moment to say what it has.

        Raises:
            UpstreamAway: no model is known yet. An empty list would have clients pull theirs.
        """
        await self.discovery.refresh()
        if not self.discovery.complete:
            await self._hear()
        entries = tuple(entry for entry in self.discovery.catalog.entries if not entry.gone)
        if not entries and not self.discovery.complete:
            raise self._not_heard()
        return entries

    async def _hear(self) -> None:
        """Gives every engine a moment for its news."""
        await asyncio.gather(*(engine.health.refresh() for engine in self.engines.values()))

    def _not_heard(self) -> UpstreamError:
        return next(
            engine.health.why_down() for engine in self.engines.values() if not engine.health.up
        )

    def missing(self) -> list[str]:
        """The configured models that their engines, which answer, do not have."""
        return [entry.listing.name for entry in self.discovery.catalog.entries if entry.gone]

    def note_state(self) -> None:
        """Tells the metrics which models can be asked, and whether all is rolled back."""
        up = {
            (entry.listing.name, entry.upstream): not entry.gone
            and bool(self.engines[entry.upstream].health.up)
            for entry in self.discovery.catalog.entries
            if entry.alias is None and entry.upstream in self.engines
        }
        self.metrics.models_changed(up)
        to = self.discovery.store.rolled_back_to
        for upstream in self.engines:
            self.metrics.rolled_back.labels(upstream).set(upstream == to)

    def loaded(self) -> list[tuple[Entry, int]]:
        """The models that count as loaded, and when they expire (ns since 1970).

        Of those of real Ollamas they tell: `told_loaded`.
        """
        rows = []
        for entry in self.discovery.catalog.entries:
            if entry.verbatim or entry.gone:
                continue
            expires_at = self.residency.expires_at(entry.listing.name)
            if expires_at is not None and self.engines[entry.upstream].health.up:
                rows.append((entry, expires_at))
        return rows

    async def told_loaded(self) -> list[dict[str, Any]]:
        """What real Ollamas tell of their loaded models, under the names that clients know."""
        ollamas = [
            (upstream, engine.client)
            for upstream, engine in self.engines.items()
            if isinstance(engine.client, Ollama) and engine.health.up
        ]
        told = await asyncio.gather(*(client.loaded() for _, client in ollamas))
        names_of: dict[tuple[str, str], list[str]] = {}
        for entry in self.discovery.catalog.entries:
            if entry.verbatim:
                place = (entry.upstream, entry.target.served_name)
                names_of.setdefault(place, []).append(entry.listing.name)
        return [
            row | {"name": name, "model": name}
            for (upstream, _), rows in zip(ollamas, told, strict=True)
            for row in rows
            for name in names_of.get((upstream, str(row.get("model") or row.get("name"))), ())
        ]


STATE: web.AppKey[State] = web.AppKey("state", State)
FACTS: web.RequestKey[Facts] = web.RequestKey("facts", Facts)
