"""A server that is measured, and where it is to run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """Where a target is to run: a folder of its own, its port, the mock engines' ports, the folder
    of the peers' environments."""

    folder: Path
    port: int
    engines: Sequence[int]
    peers: Path

    @property
    def engine(self) -> int:
        return self.engines[0]

    @property
    def engine_url(self) -> str:
        return f"http://127.0.0.1:{self.engine}"


class Missing(Exception):
    """The target can't be measured on this machine; the message says why."""


Command = Callable[[Place], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Target:
    """`command` makes what it needs in the place and raises Missing; `told` gives its version.

    `engines` are the mock engines behind it, `models` those that each has; `prefix` stands before
    the models' names. `variant`: it is
    measured only in the phases that name it.
    """

    name: str
    about: str
    dialect: str
    command: Command
    told: Callable[[], str]
    engines: int = 1
    models: int = 1
    workers: int = 1
    prefix: str = ""
    variant: bool = False
