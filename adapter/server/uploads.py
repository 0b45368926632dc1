"""Files on their way to a real Ollama, piece by piece as they come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from adapter.errors import UpstreamError, UpstreamSilent
from adapter.server.chunks import chunk
from adapter.server.state import STATE
from adapter.server.verbatim import headers_on
from adapter.server.web_exchange import WebExchange
from adapter.upstream.answer import Answer
from adapter.upstream.engine import Engine
from adapter.upstream.ollama import Ollama
from adapter.upstream.uploading import Sender


@contextlib.asynccontextmanager
async def uploading(request: web.Request, engine: Engine, client: Ollama) -> AsyncIterator[Sending]:
    """A request whose body is passed on piece by piece as it comes.

    Raises:
        UpstreamError: the Ollama is away.
    """
    await engine.health.require()
    headers = headers_on(WebExchange(request))
    length = request.content_length
    headers |= (
        {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
    )
    try:
        sender, answer = await client.upload(request.method, request.rel_url.raw_path_qs, headers)
    except UpstreamError as error:
        raise engine.explained(error, "", "") from None
    async with answer:
        with request.app[STATE].streams.counted(answer):
            yield Sending(sender, answer, client.patience, chunked=length is None)


class Sending:
    """A body on its way to an Ollama."""

    def __init__(self, sender: Sender, answer: Answer, patience: float, *, chunked: bool) -> None:
        self._sender = sender
        self.answer = answer
        self._patience = patience
        self._chunked = chunked

    async def send(self, data: bytes) -> bool:
        """Sends a piece; False if the Ollama has answered already, or is gone.

        Raises:
            UpstreamSilent: it takes nothing.
        """
        if not data:
            return True
        if self.answer.status:
            return False
        async with self._in_time("taken"):
            return await self._sender.send(chunk(data) if self._chunked else data)

    async def answered(self) -> Answer:
        """Its answer, when all is sent.

        Raises:
            UpstreamError: there is none.
        """
        if self._chunked and not self.answer.status:
            await self._sender.send(b"0\r\n\r\n")
        async with self._in_time("answered"):
            await self.answer.begun()
        return self.answer

    @contextlib.asynccontextmanager
    async def _in_time(self, what: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience):
                yield
        except TimeoutError:
            raise UpstreamSilent(f"a file was not {what} for {self._patience:g} s") from None
