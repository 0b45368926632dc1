"""What a real Ollama's /api/show tells of its models, asked once for each in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from math import inf

from adapter.errors import AdapterError
from adapter.observe.logs import events
from adapter.translate.ollama_models import shown
from adapter.wire.openai import ServedModel

PATIENCE = 0.5
"""Seconds that a list waits for new models' answers; one that comes later is in the next list."""
AT_ONCE = 4
"""Questions: an Ollama reads a model's file for each."""
FIRST_WAIT, LONGEST_WAIT = 2.0, 60.0
"""Seconds until a question that was not answered is asked again."""

Key = tuple[str, str]
"""Name and digest of a model."""


class Shows:
    """The answers so far. No model's answer, nor the lack of one, keeps another's back.

    `ask` gives the answer for a name and raises AdapterError if there is none; `news` is called
    when one comes that a list did not wait for.
    """

    def __init__(self, ask: Callable[[str], Awaitable[bytes]], news: Callable[[], None]) -> None:
        self._ask = ask
        self._news = news
        self._told: dict[Key, bytes] = {}
        self._asking: dict[Key, asyncio.Task[None]] = {}
        self._late: set[Key] = set()
        self._waits: dict[Key, float] = {}
        self._not_before: dict[Key, float] = {}
        self._places = asyncio.Semaphore(AT_ONCE)

    async def known(self, rows: Sequence[ServedModel]) -> list[ServedModel]:
        """The rows with what is known by now; those of models not yet told of as they are."""
        keys = [_key(row) for row in rows]
        self._forget_but(keys)
        new = {key: self._begin(key) for key in keys if self._is_due(key)}
        if new:
            await asyncio.wait(new.values(), timeout=PATIENCE)
            self._late |= {key for key, asking in new.items() if not asking.done()}
        return [
            shown(row, self._told[key]) if key in self._told else row
            for key, row in zip(keys, rows, strict=True)
        ]

    def end(self) -> None:
        """Ends the asking, and forgets."""
        self._forget_but(())

    def _is_due(self, key: Key) -> bool:
        if key in self._told or key in self._asking:
            return False
        return asyncio.get_running_loop().time() >= self._not_before.get(key, -inf)

    def _begin(self, key: Key) -> asyncio.Task[None]:
        self._asking[key] = asyncio.get_running_loop().create_task(self._find(key))
        return self._asking[key]

    async def _find(self, key: Key) -> None:
        try:
            async with self._places:
                self._told[key] = await self._ask(key[0])
        except AdapterError as error:
            events.info("what %s can do was not told: %s", key[0], error.message)
            wait = self._waits.get(key, FIRST_WAIT)
            self._not_before[key] = asyncio.get_running_loop().time() + wait
            self._waits[key] = min(2 * wait, LONGEST_WAIT)
        else:
            if key in self._late:
                self._news()
        self._late.discard(key)
        self._asking.pop(key, None)

    def _forget_but(self, keys: Collection[Key]) -> None:
        """Drops what is about models that are gone."""
        gone = {*self._told, *self._asking, *self._waits}.difference(keys)
        for key in gone:
            if asking := self._asking.pop(key, None):
                asking.cancel()
            self._late.discard(key)
            self._told.pop(key, None)
            self._waits.pop(key, None)
            self._not_before.pop(key, None)


def _key(row: ServedModel) -> Key:
    return row.id, row.root
