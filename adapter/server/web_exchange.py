"""An exchange around a request of aiohttp's: for what `front` does not read itself."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import HttpVersion11, web

from adapter.observe.facts import Facts
from adapter.server.bodies import raw_body, read_body
from adapter.server.chunks import ChunkWriter
from adapter.server.exchange import Answering, Routing, replied
from adapter.server.middleware import Handler
from adapter.server.replies import NDJSON, begin_stream
from adapter.server.state import FACTS, STATE, State
from adapter.wire.longtext import Json


class WebExchange:
    def __init__(self, request: web.Request) -> None:
        self._request = request
        self.method, self.path = request.method, request.path
        self.target = request.rel_url.raw_path_qs
        self.routing = Routing()
        self.size = 0
        self.response: web.StreamResponse | None = None
        """An answer in pieces, once it has begun."""

    @property
    def state(self) -> State:
        return self._request.app[STATE]

    @property
    def facts(self) -> Facts:
        return self._request[FACTS]

    def header(self, name: str) -> str:
        return self._request.headers.get(name, "")

    async def read(self, *, keep: bool = False) -> Json:
        body = await (raw_body if keep else read_body)(self._request)
        self.size = len(body)
        return body

    async def begin(
        self,
        headers: Mapping[str, str],
        status: int = 200,
        length: int | None = None,
        first: bytes = b"",
    ) -> ChunkWriter:
        request = self._request
        self.response = await begin_stream(request, headers, status, length)
        self._client = client = ChunkWriter(
            request.transport,
            request.writer.drain,
            # Before 1.1 there are no chunks: the body ends with the connection.
            chunked=length is None and request.version >= HttpVersion11,
            lines=headers.get("Content-Type") == NDJSON,
        )
        if first:
            client.write(first)
        return client

    async def end(self, last: bytes = b"") -> None:
        assert self.response is not None
        if last:
            self._client.write(last)
        await self.response.write_eof()

    def cut(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()


def on_the_web(answering: Answering) -> Handler:
    """The handler of a route whose exchanges aiohttp reads."""

    async def handle(request: web.Request) -> web.StreamResponse:
        exchange = WebExchange(request)
        reply = await replied(exchange, answering)
        if exchange.response is None:
            assert reply is not None
            return reply.response()
        if reply is not None:
            exchange.cut()  # a second answer would be taken for a part of the first
        return exchange.response

    return handle
