"""LoRA adapters that aliases need, in the engines: loaded, unloaded, loaded again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from adapter.errors import AdapterError
from adapter.observe.logs import events
from adapter.translate import lora
from adapter.upstream.client import Upstream
from adapter.wire.openai import ServedModel

RESTORE_SECONDS = 5.0
"""For so long an engine that was started anew counts as loading, for each of its adapters."""
AGAIN_SECONDS = 30.0
"""Until one that can't be loaded is tried again: each try leaves lines in the engine's log."""


class Loras:
    """Why an adapter could not be loaded again is said once."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str, str]] = set()
        self._not_before: dict[tuple[str, str], float] = {}

    async def load(self, client: Upstream, name: str, folder: Path) -> None:
        """Has the engine load an adapter; one that it has already is fine.

        Raises:
            UpstreamError: it does not, and why.
        """
        body = lora.load_body(name, str(folder))
        try:
            await client.post_json(lora.LOAD_PATH, body, {}, too_long="")
        except AdapterError as error:
            if not lora.already_loaded(error):
                raise lora.not_loaded(error, client.name, str(folder)) from error

    async def unload(self, client: Upstream, name: str) -> None:
        """Has the engine forget an adapter; if it does not, that is only noted."""
        try:
            await client.post_json(lora.UNLOAD_PATH, lora.unload_body(name), {}, too_long="")
        except AdapterError as error:
            events.info("upstream=%s: %s stays loaded: %s", client.name, name, error.message)

    async def restore(
        self, client: Upstream, wanted: Iterable[str], served: Sequence[ServedModel], folder: Path
    ) -> None:
        """Loads what aliases need and the engine does not list, as after its restart."""
        for name in sorted(set(wanted) - {row.id for row in served}):
            now = asyncio.get_running_loop().time()
            if self._not_before.get((client.name, name), now) > now:
                continue
            reason = await self._restored(client, name, folder / name)
            if not reason:
                events.info("upstream=%s: loaded %s again", client.name, name)
                continue
            self._not_before[client.name, name] = now + AGAIN_SECONDS
            if (client.name, name, reason) not in self._told:
                self._told.add((client.name, name, reason))
                events.warning("upstream=%s: %s is missing: %s", client.name, name, reason)

    async def _restored(self, client: Upstream, name: str, folder: Path) -> str:
        """Why it could not be loaded, or ""."""
        try:
            async with asyncio.timeout(RESTORE_SECONDS):
                await self.load(client, name, folder)
        except AdapterError as error:
            return error.message
        except TimeoutError:
            return "loading takes its time"
        return ""
