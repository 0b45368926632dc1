"""Which models count as loaded, by what clients asked for with keep_alive.

vLLM holds its model from start to end; what a client can ask for is that /api/ps shows it: until
its time is over, or not at all after an unload.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite

_FOREVER_NS = 292 * 365 * 86_400 * 10**9
"""Ollama's "for ever": the longest duration Go can say, about 292 years from now."""


class Residency:
    """Until when each model stays, in nanoseconds since 1970; infinity = for ever."""

    def __init__(self, default_keep_alive: float, wall_clock: Callable[[], int]) -> None:
        self._default = default_keep_alive
        self._wall_clock = wall_clock
        self._until: dict[str, float] = {}

    def use(self, model: str, keep_alive: float | None) -> None:
        """A request used the model and wants it kept for so many seconds (None: the default)."""
        seconds = self._default if keep_alive is None else keep_alive
        self._until[model] = self._wall_clock() + seconds * 10**9 if isfinite(seconds) else inf

    def release(self, model: str) -> None:
        """A client unloaded the model."""
        self._until[model] = 0

    def expires_at(self, model: str) -> int | None:
        """When the model goes (ns since 1970), or None if it counts as gone."""
        now = self._wall_clock()
        until = self._until.get(model, inf)
        if until <= now:
            return None
        return now + _FOREVER_NS if until == inf else int(until)
