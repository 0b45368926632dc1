"""A request and the way back to its client, whoever reads the one and writes the other.

The routes that are asked all day answer an Exchange. `front` has one that comes straight from a
connection, `web_exchange` one around a request of aiohttp's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from adapter.aside import LARGE
from adapter.catalog.catalog import Entry
from adapter.errors import AdapterError
from adapter.observe.facts import Facts
from adapter.server.chunks import ChunkWriter
from adapter.server.observing import REQUEST_ID, failed, stumbled
from adapter.server.replies import Reply
from adapter.server.state import State
from adapter.translate.target import Target
from adapter.wire.longtext import Json

_TRACE = ("traceparent", "tracestate")


@dataclass(slots=True)
class Routing:
    """What is known before the handler is asked.

    `entry` is the model that answers, where it may be another than the one that was asked for;
    `heard`: engines were given a moment to say that they have the model, and none did.
    """

    entry: Entry | None = None
    heard: bool = False


class Exchange(Protocol):
    """`size` is that of the body, in bytes, once it was read."""

    @property
    def state(self) -> State: ...

    @property
    def facts(self) -> Facts: ...

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def target(self) -> str:
        """Path and query as they were sent."""

    @property
    def size(self) -> int: ...

    @property
    def routing(self) -> Routing: ...

    def header(self, name: str) -> str:
        """A header of the request, or ""."""

    async def read(self, *, keep: bool = False) -> Json:
        """The body, which is kept nowhere else, unless somebody who reads it wants it kept.

        Raises:
            web.HTTPRequestEntityTooLarge: it is over the limit.
        """

    async def begin(
        self,
        headers: Mapping[str, str],
        status: int = 200,
        length: int | None = None,
        first: bytes = b"",
    ) -> ChunkWriter:
        """Begins an answer in pieces, of `length` bytes if that is known: its status is sent, and
        `first` with it."""

    async def end(self, last: bytes = b"") -> None:
        """Ends it, with the last of its body."""

    def cut(self) -> None:
        """Closes the connection, so that what has begun can't be taken for complete."""


def handed_on(exchange: Exchange) -> dict[str, str]:
    """The headers of a request that its engine gets, too, and is asked with now: its id, and its
    place in a trace, if the client keeps one (W3C Trace Context)."""
    exchange.facts.asked = exchange.state.clock()
    headers = {REQUEST_ID: exchange.facts.request_id}
    for name in _TRACE:
        if value := exchange.header(name):
            headers[name] = value
    return headers


Answering = Callable[[Exchange], Awaitable[Reply | None]]
"""What answers an exchange: with a reply, or with None if it has begun and ended one in pieces."""


async def replied(exchange: Exchange, answering: Answering) -> Reply | None:
    """What `answering` returns, or its error as a reply.

    Raises:
        asyncio.CancelledError, ConnectionResetError: the client is gone.
        web.HTTPException, web.RequestPayloadError: aiohttp can't read the request.
    """
    facts = exchange.facts
    try:
        reply = await answering(exchange)
    except AdapterError as error:
        reply = failed(facts, error, exchange.path)
    except (ConnectionResetError, web.HTTPException, web.RequestPayloadError):
        raise
    except Exception:
        reply = stumbled(facts, exchange.path)
    if reply is not None:
        facts.status = reply.status
    return reply


def weight(exchange: Exchange, target: Target | None = None, template: str = "") -> int:
    """What work on a request that was read is to be judged by: the size of its body, and of what
    the model adds to it.

    A template may take its time, however short it is; so may a model's own turns.
    """
    if target is None:
        return exchange.size
    if template or target.template or target.turns:
        return LARGE
    return exchange.size + len(target.system)
