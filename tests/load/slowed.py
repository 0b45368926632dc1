"""The adapter with a translator that dawdles: what a careless change to the hot path does.

`python -m tests.load.slowed SECONDS serve …`
"""

from __future__ import annotations

import sys
from time import perf_counter

from adapter.cli import main
from adapter.translate.stream import Translator


def slow_down(seconds: float) -> None:
    """Lets every call of the translator take so much longer."""
    feed = Translator.feed

    def dawdling(self: Translator, data: bytes, now: int) -> bytes:
        until = perf_counter() + seconds
        while perf_counter() < until:
            pass
        return feed(self, data, now)

    Translator.feed = dawdling  # type: ignore[method-assign]


if __name__ == "__main__":
    slow_down(float(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
