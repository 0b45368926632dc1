"""A bound on how many requests wait for their first token; the rest are told to come again."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from adapter.errors import Busy
from adapter.translate.refusals import SERVER_BUSY


class Admission:
    """Counts waiting requests against OLLAMA_MAX_QUEUE. One that streams waits no longer."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.waiting = 0

    def enter(self) -> Place:
        """A place in the queue.

        Raises:
            Busy: there is none left.
        """
        if self.waiting >= self._limit:
            raise Busy(SERVER_BUSY)
        self.waiting += 1
        return Place(self)


class Place:
    """Left when the answer begins, or at the latest when the request ends."""

    def __init__(self, admission: Admission) -> None:
        self._admission: Admission | None = admission

    def leave(self) -> None:
        if self._admission is not None:
            self._admission.waiting -= 1
            self._admission = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()
