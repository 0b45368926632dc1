"""The adapter with its first reader of connections and without, and literal requests for both."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any
from unittest import mock

from aiohttp import web

from adapter.server import run
from adapter.server.app import make_app
from adapter.server.front import Front
from tests.support.raw_http import Connection
from tests.support.serve import Adapter, settings_for

WHOLE = b'{"model":"tiny-chat","messages":[{"role":"user","content":"hi"}],"stream":false}'
STREAM = WHOLE.replace(b"false", b"true")
CHANGING = [
    (rb"(?i)(\r\ndate: )[^\r]*", rb"\1D"),
    (rb'("created_at":)"[^"]*"', rb"\1T"),
    (rb'(_duration":)\d+', rb"\1N"),
    (rb"(?i)(\r\n(?:x-adapter-queue-ms|server-timing): )[^\r]*", rb"\1T"),
    (rb"\b[0-9a-f]{32}\b", b"I"),
    (rb"req_[0-9a-f]{24}", b"R"),
]
"""What differs from one answer to the next, whoever gives it."""


@dataclass(frozen=True)
class Running(Adapter):
    runner: web.AppRunner

    @property
    def fronts(self) -> set[Front]:
        house = self.runner._house  # type: ignore[attr-defined]
        return set(house.fronts)

    def transport(self) -> asyncio.Transport:
        """Of the only connection, whoever has it."""
        if self.fronts:
            return self.fronts.pop().transport
        handlers = list(web.AppRunner.server.fget(self.runner).connections)  # type: ignore[attr-defined]
        [transport] = [handler.transport for handler in handlers]
        return transport


@contextlib.asynccontextmanager
async def running(*upstreams: str, front: bool = True, **how: Any) -> AsyncIterator[Running]:
    """The adapter; without `front` aiohttp alone reads, as if there were no other reader."""
    settings = settings_for(*upstreams, **how)
    alone = mock.patch.object(run, "Runner", web.AppRunner)
    with contextlib.nullcontext() if front else alone:
        runner, port = await run.start(make_app(settings), settings)
    adapter = Running(f"http://127.0.0.1:{port}", runner)
    try:
        await adapter.until_ready()
        yield adapter
    finally:
        await runner.cleanup()


def request(
    *lines: bytes,
    body: bytes = WHOLE,
    target: bytes = b"POST /api/chat HTTP/1.1",
    host: bytes = b"Host: 127.0.0.1",
    sized: bool = True,
) -> bytes:
    """A request with these header lines, too."""
    head = [target, *([host] if host else []), *lines]
    if sized:
        head.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*head, b"", b""]) + body


def prompt(text: bytes, body: bytes = WHOLE) -> bytes:
    return body.replace(b"hi", text)


@dataclass(frozen=True)
class Answer:
    """As it is on the wire: the head's lines in order, then the body's pieces."""

    lines: tuple[bytes, ...]
    body: bytes

    @property
    def status(self) -> int:
        return int(self.lines[0].split()[1])

    @property
    def names(self) -> set[bytes]:
        return {line.partition(b":")[0].lower() for line in self.lines[1:]}

    def without_what_changes(self) -> tuple[bytes, list[bytes], bytes]:
        """Its status line, its headers in order of the alphabet, and its body without framing."""
        told = {b"content-length"}  # durations have as many digits as they like
        headers = (line for line in self.lines[1:] if line.partition(b":")[0].lower() not in told)
        return self.lines[0], sorted(map(fixed, headers)), fixed(self.body)


def fixed(wire: bytes) -> bytes:
    wire = b"\r\n" + wire
    for pattern, by in CHANGING:
        wire = re.sub(pattern, by, wire)
    return wire[2:]


async def answered(connection: Connection) -> Answer:
    """The next answer on a connection.

    Raises:
        EOFError: the connection ended before, or in its middle.
    """
    lines = (await connection.reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[:-2]
    headers = dict(line.lower().split(b": ", 1) for line in lines[1:])
    if headers.get(b"transfer-encoding") == b"chunked":
        connection._chunked, body = True, []
        while part := await connection.chunk():
            body.append(part)
        return Answer(tuple(lines), b"".join(body))
    if b"content-length" in headers:
        size = int(headers[b"content-length"])
        return Answer(tuple(lines), await connection.reader.readexactly(size))
    without = lines[0].split()[1] in (b"100", b"204")
    return Answer(tuple(lines), b"" if without else await connection.reader.read())


async def say(connection: Connection, *reads: bytes, pause: float = 0.002) -> None:
    """Sends bytes so that the server gets each by itself."""
    for read in reads:
        connection.writer.write(read)
        await connection.writer.drain()
        await asyncio.sleep(pause)


async def ask(base: str, *reads: bytes, answers: int = 1, within: float = 10.0) -> list[Answer]:
    """Answers to what is sent on a connection of its own."""
    async with asyncio.timeout(within), await Connection.open(base) as connection:
        saying = asyncio.ensure_future(say(connection, *reads))
        found = [await answered(connection) for _ in range(answers)]
        await saying
        return found


async def ends(connection: Connection, within: float = 2.0) -> bool:
    """Whether the server closes, and says nothing more."""
    try:
        async with asyncio.timeout(within):
            return await connection.reader.read() == b""
    except TimeoutError:
        return False


def bytewise(wire: bytes) -> Iterable[bytes]:
    return (wire[at : at + 1] for at in range(len(wire)))
