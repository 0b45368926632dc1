"""Whether an engine answers, asked again and again, and at once when somebody needs to know."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from math import inf

from adapter.errors import UpstreamAway, UpstreamError, UpstreamRefused
from adapter.observe.logs import events
from adapter.wire.openai import ServedModel

UP_INTERVAL = 1.5
"""Seconds between two probes: that an engine was started anew is seen within two."""
DOWN_INTERVAL = 1.0
PATIENCE = 0.7
"""Seconds that a request waits for news of an engine that is down: a client is told within one."""
FRESH = 1.0
"""Seconds for which a list of models is not asked for again, however many names are unknown."""
MISSES = 3
"""Failed probes in a row that mean down, unless the engine refuses the connection: one that is
busy may miss some."""

Report = Callable[[str, Sequence[ServedModel]], Awaitable[None]]


class Health:
    """The state of one engine. `up` is None until the first probe has come back.

    `probe` lists the models served; `report` is told of them; `changed` of each change of `up`,
    with the reason.
    """

    def __init__(
        self,
        name: str,
        probe: Callable[[], Awaitable[Sequence[ServedModel]]],
        report: Report,
        changed: Callable[[str, bool, str], None],
    ) -> None:
        self.up: bool | None = None
        self.reason: UpstreamError = UpstreamAway(f"the engine {name} has not answered yet")
        self._name = name
        self._probe = probe
        self._report = report
        self._changed = changed
        self._misses = 0
        self._checking: asyncio.Task[None] | None = None
        self._checked_at = -inf
        self._doubt = asyncio.Event()

    async def run(self) -> None:
        """Probes for ever, whatever a report makes of what an engine says."""
        while True:
            try:
                await self.check()
            except Exception:
                events.exception("what the engine %s reports can't be used", self._name)
            interval = UP_INTERVAL if self.up else DOWN_INTERVAL
            # Not wait_for, which before Python 3.12 overlooks a cancellation that comes with what
            # it waits for: this would then go on for ever.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await self._doubt.wait()
            self._doubt.clear()

    async def check(self) -> None:
        """One probe; whoever asks meanwhile shares it."""
        if self._checking is None or self._checking.done():
            self._checking = asyncio.get_running_loop().create_task(self._check())
        await asyncio.shield(self._checking)

    async def refresh(self) -> None:
        """News of the engine, if the last are not fresh; waits for them only so long."""
        fresh = asyncio.get_running_loop().time() - self._checked_at < FRESH
        if fresh and (self._checking is None or self._checking.done()):
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self.check()

    async def look_again(self) -> None:
        """What has just been changed, if it shows soon enough."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                if self._checking is not None and not self._checking.done():
                    await self.check()  # it may have looked before the change
                await self.check()

    async def require(self) -> None:
        """Returns if the engine answers.

        Raises:
            UpstreamAway: it does not, or not soon enough.
            UpstreamRefused: it does not answer us: a wrong key.
        """
        if self.up:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self.check()
        if not self.up:
            raise self.why_down()

    def why_down(self) -> UpstreamError:
        """The error to answer with. What the engine refuses is not mended by waiting for it."""
        if isinstance(self.reason, UpstreamRefused):
            return UpstreamRefused(self.reason.message, status=self.reason.status)
        return UpstreamAway(self.reason.message)

    def suspect(self, reason: UpstreamError) -> None:
        """A request found the engine away: it counts as down until a probe succeeds."""
        self.reason = reason
        self._set(False)
        self.doubt()

    def doubt(self) -> None:
        """What is known of the engine looks wrong: the next probe comes at once."""
        self._doubt.set()

    async def _check(self) -> None:
        try:
            served = await self._probe()
            self._checked_at = asyncio.get_running_loop().time()
        except UpstreamError as error:
            self.reason = error
            self._misses += 1
            if not self.up or isinstance(error, UpstreamAway) or self._misses >= MISSES:
                self._set(False)
        else:
            self._misses = 0
            await self._report(self._name, served)
            self._set(True)

    def _set(self, up: bool) -> None:
        if self.up is not up:
            self.up = up
            self._changed(self._name, up, "" if up else self.reason.message)

    async def close(self) -> None:
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)
