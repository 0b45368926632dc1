"""The loads: a table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tests.load.script import BURST, CUT, LOCK
from tests.load.targets import (
    ADAPTER,
    ADAPTER_V1,
    BARE,
    BARE_BYTES,
    BASELINE,
    FLOOR,
    MANY_ENGINES,
    MANY_MODELS,
    TWO_WORKERS,
)

Reading = Literal["token", "answer", "first token", "memory", "leaving", "delay", "rate", "start"]
MAIN: tuple[str, ...] = ()
"""All targets but the variants."""


@dataclass(frozen=True, slots=True)
class Phase:
    """`reading` is what the phase is for; `seconds` is the length of one run, `quick` with
    `--quick` (0: left out); `only` the targets that it is for; `times`: how often, when others are
    once; 0 for once, however often they are; `beside`: another load that is on at the same time.
    The others as in tests/load/generator.py."""

    name: str
    about: str
    reading: Reading
    clients: int
    tokens: int
    pace: str
    seconds: float
    quick: float = 0.0
    stream: bool = True
    rounds: int = 0
    ramp: float = 0.0
    padding: int = 0
    images: int = 0
    stall: float = 0.0
    only: tuple[str, ...] = MAIN
    times: int = 1
    beside: Phase | None = None

    @property
    def leaves(self) -> bool:
        return self.reading == "leaving"

    @property
    def fresh(self) -> bool:
        """Whether it needs a new process, once: memory that was grown before would hide growth."""
        return self.reading in ("memory", "start")

    @property
    def timed(self) -> bool:
        """Whether its times are compared with those without any target."""
        return self.reading in ("first token", "delay")


def _paced(clients: int) -> Phase:
    about = f"delay of a token, {clients} streams of 20 tokens/s"
    return Phase(
        f"paced{clients}", about, "delay", clients, 60, "t50", 4, rounds=1, ramp=0.5, times=0
    )


_SWIFT = (ADAPTER, ADAPTER_V1, BASELINE, FLOOR)
CONCURRENCIES = (1, 8, 32, 100, 200)
PACED = tuple(map(_paced, CONCURRENCIES))

_CALM = Phase(
    "calm",
    "4 streams of 50 tokens/s and nothing beside them",
    "delay",
    *(4, 150, "t20", 4),
    rounds=1,
    ramp=0.02,
    only=(ADAPTER, BASELINE, FLOOR),
)


def _beside(name: str, about: str, load: Phase) -> Phase:
    about = f"4 streams of 50 tokens/s beside {about}"
    return replace(_CALM, name=name, about=about, beside=load)


_SLOW = Phase("", "", "memory", 4, 200_000, BURST, 3, rounds=1, stall=4)
_LARGE = Phase("", "", "answer", 1, 5, BURST, 2.5, padding=2**20)
_PICTURES = Phase("", "", "answer", 1, 5, BURST, 2.5, images=100)

PHASES = (
    # First, while nothing else has been at work: those that tell times.
    Phase("ttft", "one client, 5 tokens", "first token", 1, 5, BURST, 3, 1),
    *PACED,
    _CALM,
    _beside("besideslow", "4 clients that stop reading", _SLOW),
    _beside("beside1m", "prompts of 1 MiB, one after another", _LARGE),
    _beside("besideimages", "chats with 100 images of 100 KB, one after another", _PICTURES),
    Phase("start", "a process from its start to its first chat", "start", 1, 5, BURST, 5),
    Phase("lock1", "1 stream, token by token", "token", 1, 200, LOCK, 3),
    Phase("lock32", "32 streams, token by token", "token", 32, 200, LOCK, 4, 2),
    Phase("lock200", "200 streams, token by token", "token", 200, 200, LOCK, 5),
    Phase(
        "setups",
        "32 streams, token by token, in other settings",
        "token",
        *(32, 200, LOCK, 4),
        times=2,  # what is told of them are ratios near 1
        only=(ADAPTER, MANY_MODELS, MANY_ENGINES, BARE, BARE_BYTES),
    ),
    Phase(
        "short", "4 clients, 20 tokens, not streamed", "answer", 4, 20, BURST, 3, 1.5, stream=False
    ),
    Phase(
        "workers",
        "32 clients, 20 tokens, not streamed",
        "rate",
        *(32, 20, BURST, 4),
        stream=False,
        only=(ADAPTER, TWO_WORKERS),
    ),
    Phase("burst", "8 streams, as fast as they go", "token", 8, 500, BURST, 3, 1),
    Phase("cut", "4 streams that come in pieces cut anywhere", "token", 4, 12, CUT, 3),
    Phase("conc1000", "1000 streams at once", "memory", 1000, 12, "500", 9, rounds=1, ramp=2),
    Phase(
        "conc5000",
        "5000 streams at once",
        "memory",
        *(5000, 12, "1000", 20),
        rounds=1,
        ramp=8,
        only=_SWIFT,
    ),
    Phase("large32k", "2 clients, 32 KiB prompts", "answer", 2, 5, BURST, 2, padding=2**15),
    Phase("large1m", "2 clients, 1 MiB prompts", "answer", 2, 5, BURST, 3, padding=2**20),
    Phase(
        "abort", "20 clients leave after the first token", "leaving", 20, 1000, "20", 2, rounds=1
    ),
    Phase(
        "slowreader",
        # Longer than the kernel's buffers of both connections are.
        "4 clients stop reading an answer of 200,000 tokens for 3 s",
        "memory",
        *(4, 200_000, BURST, 5),
        rounds=1,
        stall=3,
        only=_SWIFT,  # others don't carry as much in the time
    ),
)
BY_NAME = {phase.name: phase for phase in PHASES}
