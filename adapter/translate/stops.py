"""Stop strings beyond those that the engine takes: found here, in the text as it streams."""

from __future__ import annotations

from collections.abc import Sequence

from adapter.errors import BadRequest

ENGINE_LIMIT = 4
"""vLLM's own limit (VLLM_MAX_STOP_STRINGS) when nobody raised it; more is a 400 there."""
MOST, LONGEST = 64, 1024
"""Stop strings, and characters in each, that are looked for in every piece of text."""


def share_out(stops: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Which stop strings the engine looks for, and which are left to a StopScanner.

    Raises:
        BadRequest: they are more than can be looked for while others wait.
    """
    distinct = list(dict.fromkeys(stop for stop in stops if stop))
    if len(distinct) > MOST or any(len(stop) > LONGEST for stop in distinct):
        raise BadRequest(f"at most {MOST} stop strings of up to {LONGEST} characters can be used")
    return distinct[:ENGINE_LIMIT], tuple(distinct[ENGINE_LIMIT:])


class StopScanner:
    """Lets text pass until the first of some strings, keeping back what may become one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""
        self.hit = False

    def feed(self, text: str) -> str:
        """The part of the text so far that is safe to show; after a hit, nothing more."""
        if self.hit:
            return ""
        text = self._held + text
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            # The one that is complete first, so that it does not matter how the text was cut.
            self.hit, self._held = True, ""
            return text[: min(found)[1]]
        keep = max(self._begun(text, stop) for stop in self._stops)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def flush(self) -> str:
        """What was kept back, once no more text can come."""
        held, self._held = self._held, ""
        return held

    @staticmethod
    def _begun(text: str, stop: str) -> int:
        """Length of the longest end of `text` with which `stop` begins."""
        longest = min(len(stop) - 1, len(text))
        return next((n for n in range(longest, 0, -1) if stop.startswith(text[-n:])), 0)
