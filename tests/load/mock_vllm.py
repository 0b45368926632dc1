"""A mock of vLLM's server that costs little: `python -m tests.load.mock_vllm --port P --acks PATH`.

With several ports it is several engines; each serves `--models` models, all called differently.

It answers what the prompt orders (tests/load/script.py) with bytes made beforehand. At the pace
LOCK it sends a token when the client has acknowledged the one before, through a Unix socket beside
HTTP: so the server under test has always exactly one token of each stream to carry, and can't save
work by taking several at once. At a timed pace it notes when it sent each token, and tells with
GET /times: what passes until the client has it is what the server under test adds to it.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

import orjson

from tests.load import loops, script
from tests.load.script import BURST, CUT, PIECES, ROLE_CHUNK, STREAM_HEAD, TOKEN_CHUNKS
from tests.support.recordings import recording

ACK = struct.Struct("<II")
"""The number of an answer, and how many of its tokens the client has."""

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAMED = (b'"stream":true', b'"stream": true')
_NO_PICTURE = b"base64,!!!!"
"""Of the question whether a model sees: one that does refuses what is no picture."""
_INTERVAL = re.compile(rb'"stream_interval": ?(\d+)')
_CHAT = b"/v1/chat/completions"
_PAGES = {b"/version": recording("version").body, b"/health": b""}
_LONGEST_PIECE = 300
"""Bytes of a cut answer: somewhat longer than an event, so that all cuts come about."""
_UNORDERED = script.Order(0, 1, BURST)
"""The answer to a question that is none of the benchmark's, such as what the model can do."""


@dataclass
class Counts:
    """What this process has done and does."""

    answers: int = 0
    tokens: int = 0
    active: int = 0
    most_active: int = 0
    aborted: int = 0
    connections: int = 0


class Stream:
    """An answer on its way, token by token."""

    def __init__(self, engine: Engine, connection: Connection, order: script.Order) -> None:
        self.order = order
        self._engine = engine
        self._connection = connection
        self._sent = 0
        self._pause = order.pause
        self._times: list[float] | None = [] if order.timed else None

    def start(self) -> None:
        self._engine.begun(self)
        self._connection.write(STREAM_HEAD + ROLE_CHUNK)
        self._next()

    def acknowledge(self, received: int) -> None:
        if not self._pause and received >= self._sent:
            self._next()

    def _next(self) -> None:
        if self._connection.closed:
            return
        self._sent += 1
        self._engine.counts.tokens += 1
        if self._times is not None:
            self._times.append(perf_counter())
        if self._sent >= self.order.tokens:
            self._engine.ended(self)
            if self._times is not None:
                self._engine.times[self.order.number] = self._times
            self._connection.ended(script.ending(self.order.tokens))
            return
        self._connection.write(TOKEN_CHUNKS[(self._sent - 1) % len(PIECES)])
        if self._pause:
            asyncio.get_running_loop().call_later(self._pause, self._next)


class Engine:
    """All that is on its way, by the number of the answer.

    `times`: when each token was sent, in seconds of the machine's clock, of timed answers.
    """

    def __init__(self) -> None:
        self.counts = Counts()
        self.times: dict[int, list[float]] = {}
        self._streams: dict[int, Stream] = {}

    def begun(self, stream: Stream) -> None:
        self._streams[stream.order.number] = stream
        self.counts.answers += 1
        self.counts.active += 1
        self.counts.most_active = max(self.counts.most_active, self.counts.active)

    def ended(self, stream: Stream) -> None:
        if self._streams.pop(stream.order.number, None):
            self.counts.active -= 1

    def aborted(self, stream: Stream) -> None:
        self.ended(stream)
        self.counts.aborted += 1

    def take_times(self) -> bytes:
        told, self.times = self.times, {}
        return orjson.dumps(told, option=orjson.OPT_NON_STR_KEYS)

    def acknowledged(self, number: int, received: int) -> None:
        if stream := self._streams.get(number):
            stream.acknowledge(received)


class Connection(asyncio.Protocol):
    """One connection: requests with a Content-Length, one after another."""

    def __init__(self, engine: Engine, listing: bytes) -> None:
        self.closed = False
        self._engine = engine
        self._listing = listing
        self._buffer = bytearray()
        self._whole = 0
        self._stream: Stream | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self.write = self._transport.write
        self._engine.counts.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._stream:
            self._engine.aborted(self._stream)

    def ended(self, rest: bytes) -> None:
        self._stream = None
        self.write(rest)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= self._whole:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[:end])
            self._whole = end + 4 + (int(found[1]) if (found := LENGTH.search(head)) else 0)
            if len(self._buffer) < self._whole:
                return
            body = bytes(self._buffer[end + 4 : self._whole])
            del self._buffer[: self._whole]
            self._whole = 0
            self._answer(*head.split(b" ", 2)[:2], body)

    def _answer(self, method: bytes, path: bytes, body: bytes) -> None:
        if method == b"GET":
            self.write(self._page(path.partition(b"?")[0]))
        elif path != _CHAT:
            self.write(script.head(b"404 Not Found", [(b"content-length", b"0")]))
        elif _NO_PICTURE in body:
            self.write(script.head(b"400 Bad Request", [(b"content-length", b"0")]))
        else:
            self._chat(script.read_order(body) or _UNORDERED, body)

    def _page(self, path: bytes) -> bytes:
        if path == b"/v1/models":
            return script.with_length(self._listing)
        if path == b"/counts":
            return script.with_length(orjson.dumps(asdict(self._engine.counts)))
        if path == b"/times":
            return script.with_length(self._engine.take_times())
        if path in _PAGES:
            return script.with_length(_PAGES[path])
        status = b"405 Method Not Allowed" if path == _CHAT else b"404 Not Found"
        return script.head(status, [(b"content-length", b"0")])

    def _chat(self, order: script.Order, body: bytes) -> None:
        streamed = any(mark in body for mark in _STREAMED)
        if streamed and order.pace not in (BURST, CUT):
            self._stream = Stream(self._engine, self, order)
            self._stream.start()
            return
        self._engine.counts.answers += 1
        self._engine.counts.tokens += order.tokens
        if not streamed:
            self.write(script.with_length(script.whole(order.tokens)))
        elif order.pace == CUT:
            whole = STREAM_HEAD + script.everything(order.tokens)
            self._write_pieces(whole, 1 + order.number % _LONGEST_PIECE)
        else:
            asked = _INTERVAL.search(body)
            self.write(STREAM_HEAD)
            self.write(script.everything(order.tokens, int(asked[1]) if asked else 1))

    def _write_pieces(self, data: bytes, size: int) -> None:
        """Each in its own turn of the loop, and mostly in a packet of its own."""
        self.write(data[:size])
        if len(data) > size:
            asyncio.get_running_loop().call_soon(self._write_pieces, data[size:], size)


class Acknowledgements(asyncio.Protocol):
    """The way beside HTTP by which the client says what it has."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        whole = len(data) - len(data) % ACK.size
        for number, received in ACK.iter_unpack(data[:whole]):
            self._engine.acknowledged(number, received)
        self._rest = data[whole:]


async def serve(ports: Sequence[int], models: int, acks: str) -> None:
    """Serves until SIGTERM."""
    loop, engine, stopped = asyncio.get_running_loop(), Engine(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    # They listen for as long as somebody refers to them.
    servers: list[asyncio.AbstractServer] = [
        await loop.create_unix_server(lambda: Acknowledgements(engine), acks)
    ]
    for place, port in enumerate(ports):
        listing = script.listing(range(place * models, (place + 1) * models))

        def connected(listing: bytes = listing) -> Connection:
            return Connection(engine, listing)

        servers.append(await loop.create_server(connected, "127.0.0.1", port, backlog=4096))
    await stopped.wait()
    for server in servers:
        server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="a mock of vLLM for the benchmark")
    parser.add_argument("--port", type=int, nargs="+", required=True)
    parser.add_argument("--models", type=int, default=1, help="at each port")
    parser.add_argument("--acks", required=True, help="path of the socket for acknowledgements")
    chosen = parser.parse_args()
    loops.allow_many_files()
    loops.run(serve(chosen.port, chosen.models, chosen.acks))


if __name__ == "__main__":
    main()
