"""What handlers share: built once for an application, found under typed keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

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
    clock: Callable[[], int] = time.monotonic_ns
    wall_clock: Callable[[], int] = time.time_ns

    async def find(self, asked: str, missing: str) -> Entry:
        """The entry of the model asked for.

        Raises:
            BadRequest, Forbidden: the name is none.
            ModelNotFound: nobody serves it; `missing` is the text.
            UpstreamAway: it can't be told yet, as an engine has not been heard so far.
        """
        name = names.asked(asked)
        await self.discovery.refresh()
        entry = self.discovery.catalog.find(name)
        if entry is None:
            await self._hear()
            entry = self.discovery.catalog.find(name)
        if entry is not None:
            return entry
        if not self.discovery.complete:
            raise self._not_heard()
        raise ModelNotFound(missing)

    async def entries(self) -> tuple[Entry, ...]:
        """All models; an engine that has not been heard so far gets a moment to say what it has.

        Raises:
            UpstreamAway: no model is known yet. An empty list would have clients pull theirs.
        """
        await self.discovery.refresh()
        if not self.discovery.complete:
            await self._hear()
        entries = self.discovery.catalog.entries
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

    def loaded(self) -> list[tuple[Entry, int]]:
        """The models that count as loaded, and when they expire (ns since 1970)."""
        rows = []
        for entry in self.discovery.catalog.entries:
            expires_at = self.residency.expires_at(entry.listing.name)
            if expires_at is not None and self.engines[entry.upstream].health.up:
                rows.append((entry, expires_at))
        return rows


STATE: web.AppKey[State] = web.AppKey("state", State)
FACTS: web.RequestKey[Facts] = web.RequestKey("facts", Facts)
