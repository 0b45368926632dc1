"""The first to read a connection: answers what is asked all day, and leaves the rest to aiohttp.

A program's plain request to one of `routes.EXCHANGES` is read by llhttp and answered here, for a
third of the time. Whatever is not as plain as that (another route, a web page, a body in chunks,
encoded or large, requests sent before their answers, what is no HTTP) goes with its connection to
aiohttp, from its first byte on, and stays there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import httptools

from adapter.server.exchange import Answering, Exchange, replied
from adapter.server.front_exchange import FrontExchange, header
from adapter.server.guard import is_strange
from adapter.server.observing import REQUEST_ID, begun, recorded
from adapter.server.replies import Reply
from adapter.server.state import State

_LARGEST = 2**20
"""Bytes of a request that are kept here; of what comes while another is answered, too."""
_LONGEST_HEAD, _LONGEST_HEADER, _MOST_HEADERS = 2**16, 2**13, 50
_NOT_PLAIN = frozenset(
    (
        *(b"origin", b"expect", b"upgrade", b"proxy-connection"),
        *(b"transfer-encoding", b"content-encoding"),
    )
)

_log = logging.getLogger("adapter")


class Route(NamedTuple):
    path: str
    answering: Answering


@dataclass(slots=True)
class House:
    """What the connections share: `routes` by the path as it is sent, `successor` makes aiohttp's
    protocol for a connection."""

    state: State
    routes: Mapping[bytes, Route]
    successor: Callable[[], asyncio.Protocol]
    closing: bool = False
    fronts: set[Front] = field(default_factory=set)
    most: int = field(init=False)
    """Bytes of the largest body that is read here."""
    _left: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.most = min(self.state.settings.server.body_limit, _LARGEST)
        self._left.set()

    def front(self) -> Front:
        """The protocol for a new connection."""
        return Front(self)

    def came(self, front: Front) -> None:
        self.fronts.add(front)
        self._left.clear()
        if self.closing:
            front.transport.close()

    def went(self, front: Front) -> None:
        self.fronts.discard(front)
        if not self.fronts:
            self._left.set()

    def leave(self) -> None:
        """The end is near: closes what is idle; what is not is closed with its answer."""
        self.closing = True
        for front in list(self.fronts):
            if front.task is None:
                front.transport.close()

    async def close(self, grace: float) -> None:
        """Ends what `leave` has left after `grace` seconds, in which answers are also taken."""
        late = [task for front in self.fronts if (task := front.task) is not None]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await asyncio.gather(*late, return_exceptions=True)
                await self._left.wait()
        for front in list(self.fronts):
            front.transport.abort()
        await asyncio.gather(*late, return_exceptions=True)


class Front(asyncio.Protocol):
    """One connection: bytes ↔ one exchange at a time."""

    __slots__ = (
        "__weakref__",
        "_ahead",
        "_body",
        "_complete",
        "_headed",
        "_headers",
        "_house",
        "_lasts",
        "_parser",
        "_plain",
        "_raw",
        "_resumed",
        "_size",
        "_url",
        "on_body",
        "task",
        "transport",
    )
    _plain: bool
    transport: asyncio.Transport

    def __init__(self, house: House) -> None:
        self._house = house
        self.task: asyncio.Task[None] | None = None
        self._ahead: list[bytes] = []
        """What came while an exchange was answered."""
        self._resumed: asyncio.Future[None] | None = None
        """There while the client takes nothing."""
        self._body: list[bytes] = []
        self.on_body = self._body.append  # llhttp's
        self._parser = httptools.HttpRequestParser(self)
        self._begin()

    async def taken(self) -> None:
        """Waits until the client has taken most of what was written.

        Raises:
            ConnectionResetError: it is gone.
        """
        if self.transport.is_closing():
            raise ConnectionResetError
        if self._resumed is not None:
            await self._resumed
            if self.transport.is_closing():
                raise ConnectionResetError

    @property
    def lasts(self) -> bool:
        """Whether another request may follow the one that is answered."""
        return self._lasts and not self._house.closing

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._house.came(self)
        if plug := transport.get_extra_info("socket"):
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        self._size += len(data)
        if self.task is not None:
            self._ahead.append(data)
            if self._size > _LARGEST:
                self.transport.pause_reading()
            return
        self._raw.append(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._plain = False
        if not self._plain or self._size > (_LARGEST if self._headed else _LONGEST_HEAD):
            self._hand_over()
        elif self._complete:
            self._answer()

    def connection_lost(self, error: Exception | None) -> None:
        self._house.went(self)
        if self.task is not None:
            self.task.cancel()
        self.resume_writing()
        del self._parser  # it refers to this object

    def pause_writing(self) -> None:
        self._resumed = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        resumed, self._resumed = self._resumed, None
        if resumed is not None and not resumed.done():  # who waited may have left
            resumed.set_result(None)

    # llhttp's side

    def on_message_begin(self) -> None:
        self._plain = self._plain and not self._complete  # or one was sent before its turn

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        headers = self._headers
        if name in headers or len(headers) == _MOST_HEADERS or len(value) > _LONGEST_HEADER:
            self._plain = False
        headers[name] = value

    def on_headers_complete(self) -> None:
        parser = self._parser
        self._headed = True
        if (
            self._url not in self._house.routes
            or parser.get_method() != b"POST"
            or parser.get_http_version() != "1.1"
            or b"host" not in self._headers
            or not _NOT_PLAIN.isdisjoint(self._headers)
            or int(self._headers.get(b"content-length", b"0")) > self._house.most
        ):
            self._plain = False
        self._lasts = parser.should_keep_alive()

    def on_message_complete(self) -> None:
        self._complete = True

    # ours

    def _begin(self) -> None:
        """Nothing is known of the next request."""
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._raw: list[bytes] = []
        self._body.clear()
        self._size = 0
        self._complete, self._headed, self._plain = False, False, True

    def _hand_over(self) -> None:
        """Leaves the connection and all that came of the request to aiohttp."""
        transport, raw = self.transport, b"".join(self._raw)
        self._house.went(self)
        successor = self._house.successor()
        transport.set_protocol(successor)
        successor.connection_made(transport)
        successor.data_received(raw)
        del self._parser  # it refers to this object

    def _answer(self) -> None:
        house = self._house
        route = house.routes[self._url]
        headers, body = self._headers, b"".join(self._body)
        facts = begun(house.state, "POST", route.path, header(headers, REQUEST_ID))
        exchange = FrontExchange(self, house.state, facts, route.path, headers, body)
        self._begin()
        strange = is_strange(house.state, exchange.header("Host"))
        serving = self._serve(exchange, _forbid if strange else route.answering)
        self.task = asyncio.get_running_loop().create_task(serving)

    async def _serve(self, exchange: FrontExchange, answering: Answering) -> None:
        answered = recorded(exchange.state, exchange.facts, replied(exchange, answering))
        try:
            finished = exchange.finish(await answered)
            if finished and self.lasts:
                await self.taken()  # a client that does not read gets no further answer
        except ConnectionResetError:
            finished = False
        except Exception:
            _log.exception("request %s could not be answered", exchange.facts.request_id)
            finished = False
        self.task = None
        if not finished:
            self.transport.abort()
        elif not self.lasts:
            self.transport.close()
        elif self._ahead:
            self._catch_up()

    def _catch_up(self) -> None:
        """Reads what came in the meantime: all at once, so that it is found to be no plain request
        if it is more than one."""
        ahead, self._ahead, self._size = b"".join(self._ahead), [], 0
        self.transport.resume_reading()
        self.data_received(ahead)


async def _forbid(exchange: Exchange) -> Reply | None:
    exchange.facts.outcome = "refused"
    return Reply(status=403)
