"""One TCP connection to an engine, which carries one request after another."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Protocol, cast

import httptools

_HEADER_LIMIT = 64 * 2**10
_READ_SIZE = 32 * 2**10
"""Bytes that the system keeps of what an engine sends, or twice as many: a read can bring them."""
_TURN_SIZE = 16 * 2**10
"""Bytes that are worked on at once: hundreds of events are work that every other stream waits for.
A read is not made smaller than this allows, for the engine would wait for each to be acknowledged.
"""


class NotHTTP(Exception):
    """What came is no HTTP answer."""


class Hung(Exception):
    """The connection was closed where an answer, or more of it, was due."""


class Listener(Protocol):
    """What takes an answer. `over` comes last: without an error, or with what broke the answer."""

    def headed(self, status: int, headers: dict[str, str]) -> None: ...

    def take(self, data: bytes) -> None:
        """The body bytes of one read."""

    def over(self, error: Exception | None) -> None: ...


class Connection(asyncio.Protocol):
    """Bytes ↔ one answer at a time; the parsing is llhttp's.

    `idle` is called when an answer is over and the connection may carry another request, `gone`
    when it is closed. `later` is given what is to be called when others have had their turn.
    """

    __slots__ = (
        "__weakref__",
        "_body",
        "_complete",
        "_gone",
        "_headed",
        "_header_size",
        "_headers",
        "_idle",
        "_lasts",
        "_later",
        "_listener",
        "_parser",
        "_paused",
        "_read_size",
        "_rest",
        "_sized",
        "_transport",
        "on_body",
    )
    _headed: bool
    _lasts: bool

    def __init__(
        self,
        idle: Callable[[Connection], None],
        gone: Callable[[Connection], None],
        later: Callable[[Callable[[], None]], object],
    ) -> None:
        self._idle = idle
        self._gone = gone
        self._later = later
        self._transport: asyncio.Transport | None = None
        self._listener: Listener | None = None
        self._paused = False
        self._rest = b""
        """Of a read, what waits for its turn."""
        self._body: list[bytes] = []
        self.on_body = self._body.append  # llhttp's; there is one for each token
        self._parser = httptools.HttpResponseParser(self)
        self._begin()

    @property
    def usable(self) -> bool:
        """Whether another request may be sent."""
        transport = self._transport
        return transport is not None and not transport.is_closing() and self._listener is None

    def ask(self, head: bytes, body: Sequence[bytes], listener: Listener) -> None:
        """Sends a request. The listener hears of its answer until `over`, or until `abort`."""
        if self._transport is None:
            listener.over(Hung())  # it was closed since it was opened
            return
        self._listener = listener
        self._transport.writelines((head, *body))

    def abort(self) -> None:
        """Closes it at once: the engine sees that nobody listens. The listener hears no more."""
        self._listener = None
        self._rest = b""
        if self._transport is not None:
            self._transport.abort()

    def drop(self) -> None:
        """The same, and the listener is told."""
        self._end(Hung())
        self.abort()

    def pause(self) -> None:
        """Reads no more: what the engine sends fills the buffers of the system, then its own."""
        if self._transport is not None and not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and self._paused and not self._transport.is_closing():
            self._paused = False
            if not self._rest:
                self._transport.resume_reading()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if plug := transport.get_extra_info("socket"):
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _READ_SIZE)
            # asyncio leaves it alone on a socket that it is given.
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        if self._listener is None:
            self.abort()  # nothing was asked
            return
        if len(data) > _TURN_SIZE:
            data = self._put_off(data)
        fault: Exception | None = None
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            fault = Hung() if self._headed else NotHTTP(str(error))
        if body := self._body:
            data = body[0] if len(body) == 1 else b"".join(body)
            body.clear()
            self._listener.take(data)
        if self._complete:
            self._lasts = self._lasts and fault is None
            self._finish()
        elif fault is not None:
            self._end(fault)
            self.abort()
        elif not self._headed:
            self._wait_for_head(len(data))

    def eof_received(self) -> None:
        self._take_rest()  # over TLS it may come with the last bytes
        if self._listener is not None and self._headed and not self._sized:
            self._end(None)  # an answer that lasts until the connection closes

    def connection_lost(self, error: Exception | None) -> None:
        try:
            self._take_rest()
        finally:
            self._end(error or Hung())
            self._transport = None
            del self._parser  # it refers to this object
            self._gone(self)

    # llhttp's side

    def on_message_begin(self) -> None:
        if self._complete:
            raise NotHTTP("two answers to one request")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_size += len(name) + len(value)
        if self._header_size > _HEADER_LIMIT:
            raise NotHTTP("too many headers")
        if not self._headed:  # or it is a trailer
            key = name.decode("latin-1").lower()
            self._headers[key] = value.decode("utf-8", "surrogateescape")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return  # the answer is still to come
        self._headed = True
        encoding = self._headers.get("transfer-encoding", "").lower()
        self._sized = "content-length" in self._headers or "chunked" in encoding
        if self._listener is not None:
            self._listener.headed(status, self._headers)

    def on_message_complete(self) -> None:
        if self._headed:
            self._complete = True
            self._lasts = self._parser.should_keep_alive()
        else:
            self._headers.clear()

    def _begin(self) -> None:
        """Nothing is known of the next answer."""
        self._headers: dict[str, str] = {}
        self._header_size = self._read_size = 0
        self._headed = self._sized = self._complete = self._lasts = False

    def _put_off(self, data: bytes) -> bytes:
        """The beginning of a long read; its rest comes after what others have to do."""
        assert self._transport is not None
        self._rest = data[_TURN_SIZE:]
        self._transport.pause_reading()
        self._later(self._go_on)
        return data[:_TURN_SIZE]

    def _go_on(self) -> None:
        rest, self._rest = self._rest, b""
        try:
            if rest:
                self.data_received(rest)
        except Exception as error:  # as the transport does with what a read raises
            self._end(error)
            self.abort()
            raise
        transport = self._transport
        if not (self._rest or self._paused or transport is None or transport.is_closing()):
            transport.resume_reading()

    def _take_rest(self) -> None:
        """At once: nothing more can come, and nobody else's turn is worth losing it."""
        rest, self._rest = self._rest, b""
        for start in range(0, len(rest), _TURN_SIZE):
            self.data_received(rest[start : start + _TURN_SIZE])

    def _wait_for_head(self, size: int) -> None:
        """After a read of this size: llhttp tells of a header when it has all of it."""
        self._read_size += size
        if self._read_size > _HEADER_LIMIT:
            self._end(NotHTTP("a header without an end"))
            self.abort()

    def _finish(self) -> None:
        lasts = self._lasts and self._is_sent and not self._rest
        self.resume()  # who had enough of this answer has no part in the next
        self._end(None)
        self._begin()
        if lasts and self.usable:
            self._idle(self)
        else:
            self.abort()

    @property
    def _is_sent(self) -> bool:
        """Whether the engine took the whole request: it may answer before."""
        return self._transport is not None and not self._transport.get_write_buffer_size()

    def _end(self, error: Exception | None) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.over(error)
