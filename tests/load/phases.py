"""The loads: a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tests.load.script import BURST, LOCK

Reading = Literal["token", "answer", "first token", "memory", "leaving"]


@dataclass(frozen=True, slots=True)
class Phase:
    """`reading` is what the phase is for; `seconds` is the length of one run, `quick` with
    `--quick` (0: left out). The others as in tests/load/generator.py."""

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
    stall: float = 0.0

    @property
    def leaves(self) -> bool:
        return self.reading == "leaving"

    @property
    def fresh(self) -> bool:
        """Whether it needs a new process, once: memory that was grown before would hide growth."""
        return self.reading == "memory"


PHASES = (
    # First, while nothing else has been at work: it is the one that tells times.
    Phase("ttft", "one client, 5 tokens", "first token", 1, 5, BURST, 3, 1),
    Phase("lock1", "1 stream, token by token", "token", 1, 200, LOCK, 3),
    Phase("lock32", "32 streams, token by token", "token", 32, 200, LOCK, 4, 2),
    Phase("lock200", "200 streams, token by token", "token", 200, 200, LOCK, 5),
    Phase(
        "short", "4 clients, 20 tokens, not streamed", "answer", 4, 20, BURST, 3, 1.5, stream=False
    ),
    Phase("burst", "8 streams, as fast as they go", "token", 8, 500, BURST, 3, 1),
    Phase("conc1000", "1000 streams at once", "memory", 1000, 12, "500", 9, rounds=1, ramp=2),
    Phase("conc5000", "5000 streams at once", "memory", 5000, 12, "1000", 20, rounds=1, ramp=8),
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
        4,
        200_000,
        BURST,
        5,
        rounds=1,
        stall=3,
    ),
)
BY_NAME = {phase.name: phase for phase in PHASES}
