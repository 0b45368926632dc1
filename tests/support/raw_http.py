"""A client that shows what is on the wire: the head, and every HTTP chunk by itself."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

PATIENCE = 10.0


@dataclass
class Head:
    status: int
    headers: dict[str, str]


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    chunks: list[bytes] = field(default_factory=list)
    ended: bool = True
    """False if the connection closed before the body was complete."""

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        """The objects of an NDJSON body."""
        assert self.body.endswith(b"\n")
        return [orjson.loads(line) for line in self.body[:-1].split(b"\n")]


class Connection:
    """One request on a connection of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._chunked = False
        self._left: int | None = None

    @classmethod
    async def open(cls, base: str, *, receive_buffer: int | None = None) -> Connection:
        url = urlsplit(base)
        plug = socket.socket()
        if receive_buffer is not None:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plug.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(plug, (url.hostname, url.port))
        except OSError:
            plug.close()
            raise
        reader, writer = await asyncio.open_connection(sock=plug, limit=2**16)
        return cls(reader, writer)

    async def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        version: str = "1.1",
    ) -> None:
        headers = {"Host": "127.0.0.1"} | (headers or {})
        lines = [f"{method} {path} HTTP/{version}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + (body or b""))
        await self.writer.drain()

    async def head(self) -> Head:
        first = (await self.reader.readline()).decode("latin-1")
        assert first.startswith("HTTP/1."), first
        headers: dict[str, str] = {}
        while (line := (await self.reader.readline()).decode("latin-1").strip()) != "":
            name, _, value = line.partition(":")
            key = name.lower()
            headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
        self._chunked = headers.get("transfer-encoding", "") == "chunked"
        self._left = int(headers["content-length"]) if "content-length" in headers else None
        return Head(int(first.split(" ")[1]), headers)

    async def chunk(self) -> bytes:
        """The next HTTP chunk; b"" is the end of the body."""
        if not self._chunked:
            left, self._left = self._left, 0
            return await self.reader.read() if left is None else await self.reader.readexactly(left)
        size = int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16)
        data = await self.reader.readexactly(size)
        assert await self.reader.readexactly(2) == b"\r\n"
        return data

    def reset(self) -> None:
        plug = self.writer.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def send(
    base: str,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    *,
    within: float = PATIENCE,
    version: str = "1.1",
) -> Reply:
    """The whole exchange. It takes longer than `within`: a failure, never a hang."""
    async with asyncio.timeout(within), await Connection.open(base) as connection:
        await connection.send(method, path, body, headers, version)
        head = await connection.head()
        reply = Reply(head.status, head.headers)
        if method == "HEAD" or head.status in (204, 304):
            return reply
        try:
            while data := await connection.chunk():
                reply.chunks.append(data)
        except (asyncio.IncompleteReadError, ConnectionError):
            reply.ended = False
        return reply


async def get(base: str, path: str, **options: Any) -> Reply:
    return await send(base, "GET", path, **options)


async def post(base: str, path: str, value: Any, **options: Any) -> Reply:
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    options.setdefault("headers", {"Content-Type": "application/json"})
    return await send(base, "POST", path, body, **options)
