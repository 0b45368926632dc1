"""How far files are, and how the last ones ended."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from services.errors import ServiceError

Outcome = Literal["added", "replaced", "unchanged", "failed"]
OUTCOMES = ("added", "replaced", "unchanged", "failed")
REMEMBERED = 500


@dataclass(frozen=True)
class Progress:
    """`stage`: fetching (a link) → waiting → read → cut → embedding, as often as need be →
    embedded → an outcome."""

    file: str
    stage: Literal["fetching", "waiting", "read", "cut", "embedding", "embedded"] | Outcome
    passages: int = 0
    done: int = 0
    """Passages that have their vectors."""
    error: str = ""
    status: int = 200
    remark: str = ""

    @property
    def is_outcome(self) -> bool:
        return self.stage in OUTCOMES


def failed(file: str, error: ServiceError) -> Progress:
    return Progress(file, "failed", error=error.message, status=error.status)


def gone(file: str) -> Progress:
    """How it ends when nobody waits for it any more: as if it had never been sent."""
    return Progress(file, "failed", error=f"{file}: the client left", status=499)


Report = Callable[[Progress], None]


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class Board:
    """Of this process, since it began: what is under way, and the last outcome of each file."""

    def __init__(self, clock: Callable[[], str] = now) -> None:
        self._clock = clock
        self._under_way: dict[tuple[str, str], dict[str, Any]] = {}
        self._last: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()

    def note(self, index: str, step: Progress) -> None:
        key, time = (index, step.file), self._clock()
        told = vars(step) | {"index_name": index}
        if not step.is_outcome:
            since = self._under_way.get(key, {}).get("since", time)
            self._under_way[key] = told | {"since": since}
            return
        self._under_way.pop(key, None)
        self._last[key] = told | {"at": time}
        self._last.move_to_end(key)
        if len(self._last) > REMEMBERED:
            self._last.popitem(last=False)

    def told(self, index: str | None = None) -> dict[str, list[dict[str, Any]]]:
        """The latest outcome first. None: of every index."""

        def among(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [row for row in rows if index in (None, row["index_name"])]

        return {
            "under_way": among(list(self._under_way.values())),
            "last": among(list(reversed(self._last.values()))),
        }
