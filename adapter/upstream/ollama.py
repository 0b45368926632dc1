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
from adapter.translate.ollama_models import read_ps, read_tags, shown
from adapter.translate.refusals import refusal
from adapter.upstream.answer import Answer
from adapter.upstream.client import Upstream
from adapter.upstream.retry import with_retries
from adapter.upstream.uploading import AnyBytes, Sender
from adapter.wire.openai import ServedModel

PS_SECONDS = 1.0
"""For so long a list of what is loaded waits for an Ollama."""
_A_DAY = 86_400.0


class Ollama(Upstream):
    """Requests to one Ollama. All methods raise UpstreamError, and nothing of a socket's."""

    def __init__(
        self, settings: UpstreamSettings, retries: int = 0, settled: Collection[str] = ()
    ) -> None:
        super().__init__(settings, retries, settled)
        self._base = URL(settings.url).raw_path.rstrip("/")
        self._shown: dict[tuple[str, str], bytes] = {}
        """What /api/show told, by name and digest."""

    async def models(self) -> list[ServedModel]:
        """What it has; what a model can do is asked for once, for its list may not tell all."""
        status, body = await self._ask("GET", "/api/tags")
        if status != 200:
            raise refusal(status, body)
        rows = read_tags(body)
        known = {key: self._shown[key] for key in map(_key, rows) if key in self._shown}
        for row in rows:
            if _key(row) not in known:
                status, told = await self._ask("POST", "/api/show", {"model": row.id})
                known[_key(row)] = told if status == 200 else b""
        self._shown = known
        return [shown(row, known[_key(row)]) for row in rows]

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
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, bytes]:
        """Status and body of an answer that has to come soon."""
        content = () if body is None else (orjson.dumps(body),)
        asking = self._pool.ask(method, self._base + path, {}, content, self._probing)
        async with await asking as answer:
            return answer.status, await answer.read()


def _key(row: ServedModel) -> tuple[str, str]:
    return row.id, row.root


def client_for(
    settings: UpstreamSettings, retries: int = 0, settled: Collection[str] = ()
) -> Upstream:
    """The client that an upstream's kind wants."""
    kind = Ollama if settings.kind == "ollama" else Upstream
    return kind(settings, retries, settled)
