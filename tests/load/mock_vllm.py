"""A mock of vLLM's server that costs little: `python -m tests.load.mock_vllm --port P --acks PATH`.

It answers what the prompt orders (tests/load/script.py) with bytes made beforehand. At the pace
LOCK it sends a token when the client has acknowledged the one before, through a Unix socket beside
HTTP: so the server under test has always exactly one token of each stream to carry, and can't save
work by taking several at once.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
import struct
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from tests.load import loops, script
from tests.load.script import BURST, LOCK, PIECES, ROLE_CHUNK, STREAM_HEAD, TOKEN_CHUNKS
from tests.support.recordings import recording

ACK = struct.Struct("<II")
"""The number of an answer, and how many of its tokens the client has."""

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAMED = re.compile(rb'"stream": ?true')
_INTERVAL = re.compile(rb'"stream_interval": ?(\d+)')
_CHAT = b"/v1/chat/completions"
_PAGES = {
    b"/v1/models": recording("models").body,
    b"/version": recording("version").body,
    b"/health": b"",
}
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
        self._pause = 0.0 if order.pace == LOCK else int(order.pace) / 1000

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
        if self._sent >= self.order.tokens:
            self._engine.ended(self)
            self._connection.ended(script.ending(self.order.tokens))
            return
        self._connection.write(TOKEN_CHUNKS[(self._sent - 1) % len(PIECES)])
        if self._pause:
            asyncio.get_running_loop().call_later(self._pause, self._next)


class Engine:
    """All that is on its way, by the number of the answer."""

    def __init__(self) -> None:
        self.counts = Counts()
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

    def acknowledged(self, number: int, received: int) -> None:
        if stream := self._streams.get(number):
            stream.acknowledge(received)


class Connection(asyncio.Protocol):
    """One connection: requests with a Content-Length, one after another."""

    def __init__(self, engine: Engine) -> None:
        self.closed = False
        self._engine = engine
        self._buffer = b""
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
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            length = int(found[1]) if (found := _LENGTH.search(head)) else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self._answer(*head.split(b" ", 2)[:2], body)

    def _answer(self, method: bytes, path: bytes, body: bytes) -> None:
        if method == b"GET":
            self.write(self._page(path.partition(b"?")[0]))
        elif path != _CHAT:
            self.write(script.head(b"404 Not Found", [(b"content-length", b"0")]))
        else:
            self._chat(script.read_order(body) or _UNORDERED, body)

    def _page(self, path: bytes) -> bytes:
        if path == b"/counts":
            return script.with_length(orjson.dumps(asdict(self._engine.counts)))
        if path in _PAGES:
            return script.with_length(_PAGES[path])
        status = b"405 Method Not Allowed" if path == _CHAT else b"404 Not Found"
        return script.head(status, [(b"content-length", b"0")])

    def _chat(self, order: script.Order, body: bytes) -> None:
        if order.pace != BURST and _STREAMED.search(body):
            self._stream = Stream(self._engine, self, order)
            self._stream.start()
            return
        self._engine.counts.answers += 1
        self._engine.counts.tokens += order.tokens
        if _STREAMED.search(body):
            asked = _INTERVAL.search(body)
            self.write(STREAM_HEAD)
            self.write(script.everything(order.tokens, int(asked[1]) if asked else 1))
        else:
            self.write(script.with_length(script.whole(order.tokens)))


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


async def serve(port: int, acks: str) -> None:
    """Serves until SIGTERM."""
    loop, engine, stopped = asyncio.get_running_loop(), Engine(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    # They listen for as long as somebody refers to them.
    servers = (
        await loop.create_unix_server(lambda: Acknowledgements(engine), acks),
        await loop.create_server(lambda: Connection(engine), "127.0.0.1", port, backlog=4096),
    )
    await stopped.wait()
    for server in servers:
        server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="a mock of vLLM for the benchmark")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--acks", required=True, help="path of the socket for acknowledgements")
    chosen = parser.parse_args()
    loops.allow_many_files()
    loops.run(serve(chosen.port, chosen.acks))


if __name__ == "__main__":
    main()
