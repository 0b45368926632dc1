"""Asks an engine, once for each of its models, what its chat can do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from math import inf
from typing import Any

from adapter.errors import AdapterError, PromptTooLong, RouteMissing, UpstreamRefused
from adapter.observe.logs import events
from adapter.translate import asking
from adapter.wire.openai import CHAT_PATH

PATIENCE = 0.5
"""Seconds that a list of models waits for what they can do; a busy engine takes longer."""

ASSUMED = frozenset({"tools", "thinking"})
"""What a model counts as able to do until that is known: a request that asks for too much is then
refused by the engine, and none is refused for the engine's being busy."""

FIRST_WAIT, LONGEST_WAIT = 2.0, 60.0
"""Seconds until a question that was not answered is asked again."""

Post = Callable[[str, Mapping[str, Any]], Awaitable[bytes]]


class Abilities:
    """tools, thinking and vision of one model, found out in the background.

    `post` sends a body to a path and raises UpstreamError for any answer but 200. `news` is called
    when an answer comes that a list did not wait for.
    """

    def __init__(self, model: str, post: Post, news: Callable[[], None] = lambda: None) -> None:
        self._model = model
        self._post = post
        self._news = news
        self._late = False
        self._finding: asyncio.Task[frozenset[str] | None] | None = None
        self._wait = FIRST_WAIT
        self._not_before = -inf

    async def known(self) -> frozenset[str]:
        """What is known by now; ASSUMED while the engine has not answered.

        An engine that did not is asked again after FIRST_WAIT seconds, then twice as many.
        """
        if self._finding is None:
            if asyncio.get_running_loop().time() < self._not_before:
                return ASSUMED
            self._finding = asyncio.get_running_loop().create_task(self._find())
        finding = self._finding
        await asyncio.wait({finding}, timeout=PATIENCE)
        if not finding.done():
            self._late = True
        if not finding.done() or finding.cancelled():
            return ASSUMED
        found = finding.result()
        if found is None and self._finding is finding:
            self._finding = None
            self._not_before = asyncio.get_running_loop().time() + self._wait
            self._wait = min(2 * self._wait, LONGEST_WAIT)
        return ASSUMED if found is None else found

    def forget(self) -> None:
        """Ends the asking."""
        if self._finding is not None:
            self._finding.cancel()

    async def _find(self) -> frozenset[str] | None:
        try:
            found = frozenset([*await self._spoken(), *await self._looked()])
            if self._late:
                self._news()
            return found
        except AdapterError as error:  # Busy is no UpstreamError
            events.info("what %s can do was not told: %s", self._model, error.message)
            return None

    async def _spoken(self) -> list[str]:
        for words in (["tools"], []):
            body = asking.to_speak(self._model, with_tools=bool(words))
            try:
                answer = await self._post(CHAT_PATH, body)
            except AdapterError as error:
                _require_answer(error)
                continue  # no tools, or no chat at all
            return [*words, "thinking"] if asking.thinks(answer) else words
        return []

    async def _looked(self) -> list[str]:
        try:
            await self._post(CHAT_PATH, asking.to_look(self._model))
        except AdapterError as error:
            _require_answer(error)
            chats = isinstance(error, UpstreamRefused) and not isinstance(error, RouteMissing)
            return ["vision"] if chats and asking.sees(error.message) else []
        return []  # it took no notice of the picture


def _require_answer(error: AdapterError) -> None:
    """Raises an error that tells nothing of what the engine can do: that it is busy, say."""
    refused = isinstance(error, UpstreamRefused) and error.status == HTTPStatus.BAD_REQUEST
    if not (refused or isinstance(error, (RouteMissing, PromptTooLong))):
        raise error
