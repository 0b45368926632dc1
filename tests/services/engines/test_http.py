"""What goes wrong between us and an engine, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from services.engines.http import Http, Origin, error_text, origin_of, refusal, refuse_hop
from services.errors import (
    EngineAway,
    EngineError,
    EngineRefused,
    EngineSilent,
    Loop,
    ServiceError,
)
from services.settings import Settings

from tests.support.machine import free_port

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
ORIGIN = Origin("id", "00-trace")
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[str]:
    talks: list[asyncio.Task[None] | None] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(asyncio.current_task())
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                await talk(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    running = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with running:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}"
        for one in filter(None, talks):
            one.cancel()
        await asyncio.gather(*filter(None, talks), return_exceptions=True)


def said(*parts: bytes, pause: float = 0.0) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    return talk


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    opened = Http(Settings(connect_seconds=1, first_byte_seconds=0.3, idle_seconds=0.2))
    await opened.open()
    yield opened
    await opened.close()


async def events(http: Http, url: str) -> list[bytes]:
    return [payload async for payload in http.events(url, {}, ORIGIN)]


async def test_events_up_to_their_end(http: Http):
    wire = HEAD + b"data: 1\n\n: alive\n\ndata: 2\n\ndata: [DONE]\n\ndata: 3\n\n"
    async with server(said(wire)) as url:
        assert await events(http, url) == [b"1", b"2"]


@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        (said(HEAD, b"data: 1\n\n"), EngineError),
        (said(b""), EngineError),
        (said(b"garbage\r\n\r\n"), EngineError),
        (said(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}"), EngineError),
        (silent, EngineSilent),
        (said(HEAD, *[b": alive\n\n"] * 20, pause=0.1), EngineSilent),
        (said(HEAD, b"data: 1\n\n", *[b": alive\n\n"] * 20, pause=0.1), EngineSilent),
        (said(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), EngineAway),
        (said(b'HTTP/1.1 400 No\r\nContent-Length: 15\r\n\r\n{"error":"why"}'), EngineRefused),
    ],
)
async def test_every_failure_is_one_of_ours(http: Http, talk: Talk, expected: type[ServiceError]):
    async with server(talk) as url:
        with pytest.raises(expected):
            await events(http, url)


async def test_nobody_there(http: Http):
    with pytest.raises(EngineAway, match="can't be reached"):
        await http.get(f"http://127.0.0.1:{free_port()}/")


async def test_no_json(http: Http):
    async with server(said(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{")) as url:
        with pytest.raises(EngineError, match="no JSON"):
            await http.post(url, {}, ORIGIN)


@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (400, EngineRefused, 400),
        (404, EngineRefused, 404),
        (429, EngineRefused, 429),
        (500, EngineError, 502),
        (502, EngineAway, 503),
        (503, EngineAway, 503),
        (504, EngineSilent, 504),
        (508, Loop, 508),
    ],
)
def test_an_engines_status(status: int, kind: type[ServiceError], told: int):
    error = refusal(status, b'{"error":{"message":"why"}}', "http://e")
    assert type(error) is kind
    assert error.status == told
    assert "why" in error.message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"error": "a"}, "a"),
        ({"error": {"message": "b"}}, "b"),
        ({"detail": [{"msg": "c"}]}, '[{"msg":"c"}]'),
        ({"object": "error", "message": "d"}, "d"),
        ([], "[]"),
    ],
)
def test_errors_of_every_shape(value: Any, text: str):
    assert error_text(value) == text


def test_a_hop_is_seen_in_either_header():
    assert ORIGIN.headers() == {
        "X-Rag-Hop": "1",
        "X-Request-Id": "rag-hop.id",
        "traceparent": "00-trace",
    }
    for name in ("X-Rag-Hop", "X-Request-Id"):
        with pytest.raises(Loop):
            refuse_hop({name: ORIGIN.headers()[name]})
    refuse_hop({"X-Request-Id": "mine"})


def test_an_id_is_marked_once_however_many_services_a_request_goes_through():
    first = origin_of({"X-Request-Id": "mine"})
    second = origin_of(first.headers())
    assert second.request_id == "mine"
    assert second.headers()["X-Request-Id"] == "rag-hop.mine"
    longest = origin_of({"X-Request-Id": "a" * 100})
    assert origin_of(longest.headers()) == longest
