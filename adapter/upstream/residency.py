"""Which models count as loaded, by what clients asked for with keep_alive.

vLLM holds its model from start to end; what a client can ask for is that /api/ps shows it: until
its time is over, or not at all after an unload.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf, isfinite

_FOREVER_NS = 292 * 365 * 86_400 * 10**9
"""Ollama's "for ever": the longest duration Go can say, about 292 years from now."""


class Residency:
    """How long each model stays after its last use; infinity = for ever, 0 = gone with its end."""

    def __init__(self, default_keep_alive: float, wall_clock: Callable[[], int]) -> None:
        self._default = default_keep_alive
        self._wall_clock = wall_clock
        self._keep_alive: dict[str, float] = {}
        self._last_use: dict[str, int] = {}
        self._users: Counter[str] = Counter()

    @contextmanager
    def in_use(self, model: str, keep_alive: float | None) -> Iterator[None]:
        """Around a request. The model stays for its time, then so many seconds (None: default)."""
        self.begin(model)
        try:
            yield
        finally:
            self.end(model, keep_alive)

    def begin(self, model: str) -> None:
        """A request uses the model."""
        self._users[model] += 1

    def end(self, model: str, keep_alive: float | None) -> None:
        """It no longer does."""
        self._users[model] -= 1
        self.use(model, keep_alive)

    def use(self, model: str, keep_alive: float | None) -> None:
        """A request used the model and wants it kept for so many seconds from now."""
        self._keep_alive[model] = self._default if keep_alive is None else keep_alive
        self._last_use[model] = self._wall_clock()

    def release(self, model: str) -> None:
        """A client unloaded the model."""
        self.use(model, 0)

    def expires_at(self, model: str) -> int | None:
        """When the model goes (ns since 1970), or None if it counts as gone."""
        now = self._wall_clock()
        keep_alive = self._keep_alive.get(model, inf)
        if not isfinite(keep_alive):
            return now + _FOREVER_NS
        begin = now if self._users[model] else self._last_use[model]
        until = begin + int(keep_alive * 10**9)
        return until if until > now or self._users[model] else None
