from __future__ import annotations

import asyncio
import socket

import pytest

from adapter.errors import UpstreamAway, UpstreamBroken, UpstreamRefused
from adapter.upstream.running import address, ask


@pytest.mark.parametrize(
    ("ollama_host", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("[::]:8080", "http://[::1]:8080"),
        ("box:11500", "http://box:11500"),
        ("https://box", "https://box:443"),
    ],
)
def test_where_it_answers(ollama_host: str, url: str):
    assert address(ollama_host) == url


async def answered(answer: bytes) -> object:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"POST /adapter/resume HTTP/1.1\r\n")
        assert await reader.readexactly(2) == b"{}"
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        return await ask(f"http://127.0.0.1:{port}", "/adapter/resume", {})
    finally:
        server.close()


def reply(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(body), body)


async def test_what_it_answers():
    assert await answered(reply("200 OK", b'{"resumed":true}')) == {"resumed": True}


async def test_what_it_refuses():
    with pytest.raises(UpstreamRefused, match="only this machine"):
        await answered(reply("403 Forbidden", b'{"error":"only this machine"}'))


async def test_what_is_no_adapter():
    with pytest.raises(UpstreamBroken, match="no adapter"):
        await answered(reply("404 Not Found", b"404 page not found"))


async def test_nobody_is_there():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(UpstreamAway):
        await ask(f"http://127.0.0.1:{port}", "/adapter/resume", {})
