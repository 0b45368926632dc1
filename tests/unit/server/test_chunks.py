"""What a client gets to read of an answer that has begun, on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import HttpVersion11, web
from hypothesis import given
from hypothesis import strategies as st

from adapter.server.chunks import ChunkWriter, chunk
from tests.support.loops import BOTH
from tests.support.raw_http import Connection

LOOPS = BOTH
Play = Callable[[ChunkWriter], Awaitable[None]]


def test_a_chunk_is_its_size_and_its_bytes():
    assert chunk(b"data: 1\n\n") == b"9\r\ndata: 1\n\n\r\n"
    assert chunk(b"x" * 255) == b"ff\r\n" + b"x" * 255 + b"\r\n"


class Paper:
    """A connection that takes what is written."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    @property
    def written(self) -> bytes:
        return b"".join(self.writes)

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def get_write_buffer_size(self) -> int:
        return 0


async def nothing_waits() -> None: ...


@pytest.mark.parametrize(
    ("last", "chunked", "wire"),
    [
        (b"{}\n", True, [b"3\r\n{}\n\r\n0\r\n\r\n"]),
        (b"", True, [b"0\r\n\r\n"]),
        (b"{}\n", False, [b"{}\n"]),
        (b"", False, []),
    ],
)
def test_the_last_of_it_and_its_end_are_written_at_once(
    last: bytes, chunked: bool, wire: list[bytes]
):
    paper = Paper()
    transport: Any = paper
    ChunkWriter(transport, nothing_waits, chunked=chunked, lines=True).end(last)
    assert paper.writes == wire


def framed(data: bytes, *, lines: bool) -> bytes:
    paper = Paper()
    transport: Any = paper
    writer = ChunkWriter(transport, nothing_waits, chunked=True, lines=lines)
    assert writer.write(data) is False
    return paper.written


@pytest.mark.parametrize(
    ("lines", "wire"),
    [
        (b"{}\n", b"3\r\n{}\n\r\n"),
        (b"{}\n[]\n", b"3\r\n{}\n\r\n3\r\n[]\n\r\n"),
        (b'{"a":"\\n"}\n', b'b\r\n{"a":"\\n"}\n\r\n'),
        (b"\n\n", b"1\r\n\n\r\n1\r\n\n\r\n"),
        (b"{}\nwithout an end", b"3\r\n{}\n\r\ne\r\nwithout an end\r\n"),
        (b"\xe2\x80\xa8\x0b\x0c\x85\x1c\n", b"8\r\n\xe2\x80\xa8\x0b\x0c\x85\x1c\n\r\n"),
    ],
)
def test_each_line_is_a_chunk(lines: bytes, wire: bytes):
    assert framed(lines, lines=True) == wire
    assert framed(lines, lines=False) == chunk(lines)


@given(st.lists(st.binary(max_size=20).filter(lambda line: not {10, 13} & set(line)), min_size=1))
def test_lines_stay_what_they_are(lines: list[bytes]):
    whole = [line + b"\n" for line in lines]
    assert framed(b"".join(whole), lines=True) == b"".join(map(chunk, whole))


@contextlib.asynccontextmanager
async def writing(play: Play, *, lines: bool = False) -> AsyncIterator[str]:
    """A server whose answers are the play's."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if request.version < (1, 1):
            response.force_close()
        await response.prepare(request)
        chunked = request.version >= HttpVersion11
        transport, taken = request.transport, request.writer.drain
        await play(ChunkWriter(transport, taken, chunked=chunked, lines=lines))
        await response.write_eof()
        return response

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.05)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def body(base: str, version: str = "1.1") -> bytes:
    """All that comes after the head, as it is on the wire."""
    async with asyncio.timeout(10), await Connection.open(base) as connection:
        await connection.send("GET", "/", None, {"Connection": "close"}, version)
        await connection.head()
        return await connection.reader.read()


async def two(client: ChunkWriter) -> None:
    assert client.write(b"a\nb\n") is False
    await client.drained()
    assert client.write(b"c\n") is False


@pytest.mark.parametrize(
    ("lines", "version", "wire"),
    [
        (False, "1.1", b"4\r\na\nb\n\r\n2\r\nc\n\r\n0\r\n\r\n"),
        (True, "1.1", b"2\r\na\n\r\n2\r\nb\n\r\n2\r\nc\n\r\n0\r\n\r\n"),
        (False, "1.0", b"a\nb\nc\n"),
        (True, "1.0", b"a\nb\nc\n"),
    ],
)
async def test_what_is_on_the_wire(lines: bool, version: str, wire: bytes):
    async with writing(two, lines=lines) as base:
        assert await body(base, version) == wire


async def test_a_client_that_does_not_read_is_waited_for():
    """`write` says so when much waits, and `drained` waits then, or it would spin."""
    written = 0
    waits = asyncio.Event()

    async def play(client: ChunkWriter) -> None:
        nonlocal written
        while written < 2**26:
            enough = client.write(b"x" * 2**14)
            written += 2**14
            if enough:
                draining = asyncio.ensure_future(client.drained())
                await asyncio.sleep(0)
                if not draining.done():
                    waits.set()
                await draining

    async with writing(play) as base, await Connection.open(base) as connection:
        await connection.send("GET", "/")
        await connection.head()
        await asyncio.wait_for(waits.wait(), 5)
        await asyncio.sleep(0.1)
        still = written
        await asyncio.sleep(0.1)
        assert written == still < 2**25
        size = 0
        async with asyncio.timeout(20):
            while part := await connection.chunk():
                size += len(part)
        assert size == written == 2**26


async def test_a_client_that_is_gone():
    """`write` has enough and does nothing; `drained` tells."""
    told: asyncio.Future[tuple[bool, bool]] = asyncio.get_running_loop().create_future()
    ready = asyncio.Event()

    async def play(client: ChunkWriter) -> None:
        ready.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            enough = client.write(b"late")
            try:
                await client.drained()
            except ConnectionResetError:
                told.set_result((enough, True))
            else:
                told.set_result((enough, False))
            raise

    async with writing(play) as base:
        connection = await Connection.open(base)
        await connection.send("GET", "/")
        await ready.wait()
        connection.reset()
        assert await asyncio.wait_for(told, 5) == (True, True)
        await connection.close()
