"""A real Ollama: what it has, and requests that are passed to it as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import orjson
from yarl import URL

from adapter.errors import UpstreamError
from adapter.settings import Timeouts, UpstreamSettings
from adapter.translate.ollama_models import read_ps, read_tags
from adapter.translate.refusals import refusal
from adapter.upstream.answer import Answer
from adapter.upstream.client import Upstream
from adapter.upstream.retry import with_retries
from adapter.upstream.shows import Shows
from adapter.upstream.uploading import AnyBytes, Sender
from adapter.wire.openai import ServedModel

PS_SECONDS = 1.0
"""For so long a list of what is loaded waits for an Ollama."""
SHOW_SECONDS = 60.0
"""For so long an Ollama may take to tell of one model, which nobody waits for."""
_A_DAY = 86_400.0


class Ollama(Upstream):
    """Requests to one Ollama. All methods raise UpstreamError, and nothing of a socket's."""

    def __init__(
        self, settings: UpstreamSettings, retries: int = 0, settled: Collection[str] = ()
    ) -> None:
        super().__init__(settings, retries, settled)
        self._base = URL(settings.url).raw_path.rstrip("/")
        self._shows = Shows(self._show, lambda: self.news())

    async def models(self) -> list[ServedModel]:
        """What it has, with what is known by now of what each can do: its list may not tell all."""
        status, body = await self._ask("GET", "/api/tags")
        if status != 200:
            raise refusal(status, body)
        return await self._shows.known(read_tags(body))

    def forget(self) -> None:
        self._shows.end()
        super().forget()

    async def _show(self, model: str) -> bytes:
        timeouts = self._probing.model_copy(update={"first_byte": SHOW_SECONDS})
        status, body = await self._ask("POST", "/api/show", {"model": model}, timeouts)
        if status != 200:
            raise refusal(status, body)
        return body

    async def loaded(self) -> list[dict[str, Any]]:
        """The rows of its /api/ps; none if it does not answer at once."""
        try:
            async with asyncio.timeout(PS_SECONDS):
                status, body = await self._ask("GET", "/api/ps")
            return read_ps(body) if status == 200 else []
        except (TimeoutError, UpstreamError):
            return []

    def pass_on(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Sequence[bytes],
        *,
        patient: bool,
    ) -> Awaitable[Answer]:
        """The answer to a request as it stands, whatever its status; the caller closes it.

        `patient`: it changes something, so it is not asked twice, and between two pieces it may
        take as long as to the first. `path` is raw.
        """
        timeouts = self._settings.timeouts
        if patient:
            timeouts = timeouts.model_copy(update={"idle": timeouts.first_byte})
        ask = partial(
            self._pool.ask, method, self._base + path, headers, body, timeouts, kind=AnyBytes
        )
        return with_retries(ask, 0 if patient else self._retries)

    async def has(self, path: str) -> bool:
        """Whether it has the blob of a path; not, if it can't be asked."""
        try:
            # Its body, which a HEAD's answer only announces, would never come.
            asking = self._pool.ask("HEAD", self._base + path, {}, (), self._probing)
            async with await asking as answer:
                return answer.status == 200
        except UpstreamError:
            return False

    async def upload(
        self, method: str, path: str, headers: Mapping[str, str]
    ) -> tuple[Sender, Answer]:
        """A request whose body is sent piece by piece. How long that takes is the client's."""
        timeouts = self._settings.timeouts
        endless = Timeouts(connect=timeouts.connect, first_byte=_A_DAY, idle=_A_DAY)
        return await self._pool.upload(method, self._base + path, headers, endless)

    @property
    def patience(self) -> float:
        """Seconds to wait for an answer when all is sent."""
        return self._settings.timeouts.first_byte

    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        timeouts: Timeouts | None = None,
    ) -> tuple[int, bytes]:
        """Status and body of an answer that has to come soon, or as `timeouts` say."""
        content = () if body is None else (orjson.dumps(body),)
        timeouts = timeouts or self._probing
        asking = self._pool.ask(method, self._base + path, {}, content, timeouts)
        async with await asking as answer:
            return answer.status, await answer.read()


def client_for(
    settings: UpstreamSettings, retries: int = 0, settled: Collection[str] = ()
) -> Upstream:
    """The client that an upstream's kind wants."""
    kind = Ollama if settings.kind == "ollama" else Upstream
    return kind(settings, retries, settled)
