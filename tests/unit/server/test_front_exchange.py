"""An answer that goes straight to the connection: its head, its end, and what is noted of it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from adapter.errors import UpstreamBroken
from adapter.server import routes, run
from adapter.server.exchange import Answering, Exchange
from adapter.server.front import Route
from adapter.server.replies import NDJSON, Reply, json_bytes
from tests.support import plays
from tests.support.fronts import STREAM, WHOLE, Running, answered, ask, prompt, request, running
from tests.support.fronts import ends as over
from tests.support.loops import BOTH
from tests.support.machine import PROMPTLY
from tests.support.raw_http import Connection
from tests.support.scripted_vllm import ScriptedVLLM

LOOPS = BOTH
V1 = b"POST /v1/chat/completions HTTP/1.1"
MESSAGES = b"POST /v1/messages HTTP/1.1"
WITH_ID = b"X-Request-Id: my-own"


@pytest.fixture
async def adapter(scripted: ScriptedVLLM) -> AsyncIterator[Running]:
    """It is over without a word of asyncio's about exceptions."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, it: complaints.append(it))
    async with running(scripted.url) as found:
        yield found
    gc.collect()
    assert complaints == []


def answering(monkeypatch: pytest.MonkeyPatch, how: Answering) -> None:
    """/api/chat is answered so."""
    monkeypatch.setitem(run._FRONT_ROUTES, b"/api/chat", Route("/api/chat", how))


def timeless(lines: Sequence[bytes]) -> list[bytes]:
    return [re.sub(rb"(-Ms: |dur=)[\d.]+", rb"\1N", line) for line in lines]


TIMES = [b"X-Adapter-Queue-Ms: N", b"Server-Timing: queue;dur=N, upstream;dur=N"]


async def test_the_head_of_a_whole_answer(adapter: Running):
    [answer] = await ask(adapter.url, request(WITH_ID))
    *lines, date = answer.lines
    assert timeless(lines) == [
        b"HTTP/1.1 200 OK",
        b"Content-Type: application/json; charset=utf-8",
        b"X-Request-Id: my-own",
        b"X-Adapter-Upstream: engine0",
        *TIMES,
        b"Content-Length: %d" % len(answer.body),
    ]
    assert re.fullmatch(rb"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", date)


@pytest.mark.parametrize(
    ("target", "content_type"),
    [(b"POST /api/chat HTTP/1.1", b"application/x-ndjson"), (V1, b"text/event-stream")],
)
async def test_the_head_of_a_stream(adapter: Running, target: bytes, content_type: bytes):
    [answer] = await ask(adapter.url, request(WITH_ID, body=STREAM, target=target))
    assert timeless(answer.lines[:-1]) == [
        b"HTTP/1.1 200 OK",
        b"Content-Type: " + content_type,
        b"X-Request-Id: my-own",
        b"X-Adapter-Upstream: engine0",
        *TIMES,
        b"Transfer-Encoding: chunked",
    ]


@pytest.mark.parametrize(
    ("target", "body"),
    [
        (b"POST /api/chat HTTP/1.1", rb'{"error":"[^"]+"}'),
        (V1, rb'{"error":{"message":"[^"]+","type":"invalid_request_error",.*}}'),
        (MESSAGES, rb'{"type":"error","error":{"type":"invalid_request_error",.*"req_\w{24}"}'),
    ],
)
async def test_an_error_is_told_in_the_words_of_its_route(
    adapter: Running, target: bytes, body: bytes
):
    [answer] = await ask(adapter.url, request(body=b"{", target=target))
    assert answer.status == 400
    assert re.fullmatch(body, answer.body)
    assert b"x-adapter-upstream" not in answer.names


async def test_a_name_that_this_server_does_not_have(scripted: ScriptedVLLM, adapter: Running):
    [answer] = await ask(adapter.url, request(WITH_ID, host=b"Host: evil.com"))
    assert (answer.status, answer.body) == (403, b"")
    assert answer.lines[1:3] == (WITH_ID, b"Content-Length: 0")
    assert scripted.seen == []
    assert await adapter.metric("adapter_requests_total", outcome="refused") == 1


async def test_the_name_does_not_matter_where_other_machines_may_ask(scripted: ScriptedVLLM):
    async with running(scripted.url, host="0.0.0.0") as adapter:
        [answer] = await ask(adapter.url, request(host=b"Host: adapter:11434"))
        assert answer.status == 200


@pytest.mark.parametrize("given", [b"", b"a b", b"\xe9", b"x" * 129])
async def test_an_id_that_is_not_safe_is_replaced(
    scripted: ScriptedVLLM, adapter: Running, given: bytes
):
    [answer] = await ask(adapter.url, request(b"X-Request-Id: " + given))
    [line] = [line for line in answer.lines if line.startswith(b"X-Request-Id")]
    assert re.fullmatch(rb"X-Request-Id: [0-9a-f]{32}", line)
    passed_on = {name.lower(): value for name, value in scripted.seen[0].headers.items()}
    assert passed_on["x-request-id"] == line[14:].decode()


async def test_a_status_without_a_phrase(scripted: ScriptedVLLM, adapter: Running):
    scripted.play = plays.refuse(529, {"error": {"message": "overloaded", "code": 529}})
    [answer] = await ask(adapter.url, request(), within=2)
    assert (answer.status, answer.body) == (529, b'{"error":"overloaded"}')


async def test_a_handler_that_stumbles_before_its_answer(
    adapter: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def stumbling(exchange: Exchange) -> Reply | None:
        await asyncio.sleep(0)
        raise ValueError("of which nobody is told")

    answering(monkeypatch, stumbling)
    async with asyncio.timeout(5), await Connection.open(adapter.url) as connection:
        for _ in range(2):  # it lasts
            connection.writer.write(request(WITH_ID))
            answer = await answered(connection)
            assert (answer.status, WITH_ID in answer.lines) == (500, True)
            assert answer.body == b'{"error":"internal error of the adapter"}'
    assert "request my-own failed" in caplog.messages
    assert await adapter.metric("adapter_requests_in_flight", route="/api/chat") == 0


@pytest.mark.parametrize("error", [ValueError("no"), UpstreamBroken("no"), None])
async def test_no_second_answer_begins_inside_the_first(
    adapter: Running, monkeypatch: pytest.MonkeyPatch, error: Exception | None
):
    """The connection is cut, or the client would take a half answer for a whole one."""

    async def stumbling(exchange: Exchange) -> Reply | None:
        client = await exchange.begin({"Content-Type": NDJSON})
        client.write(b"{}\n")
        await asyncio.sleep(0.05)
        if error is None:
            return json_bytes(b"{}")
        raise error

    answering(monkeypatch, stumbling)
    async with asyncio.timeout(5), await Connection.open(adapter.url) as connection:
        connection.writer.write(request())
        head = await connection.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert await connection.reader.readexactly(8) == b"3\r\n{}\n\r\n"
        with contextlib.suppress(ConnectionResetError):
            assert await connection.reader.read() == b""
    assert await adapter.metric("adapter_requests_in_flight", route="/api/chat") == 0
    assert not adapter.fronts


@pytest.mark.parametrize("error", [ValueError("no"), UpstreamBroken("no"), None])
async def test_nor_where_aiohttp_reads(
    scripted: ScriptedVLLM, monkeypatch: pytest.MonkeyPatch, error: Exception | None
):
    async def stumbling(exchange: Exchange) -> Reply | None:
        client = await exchange.begin({"Content-Type": NDJSON})
        client.write(b"{}\n")
        if error is None:
            return json_bytes(b"{}")
        raise error

    monkeypatch.setitem(routes.EXCHANGES, "/api/chat", stumbling)  # type: ignore[arg-type]
    async with (
        running(scripted.url, front=False) as alone,
        asyncio.timeout(5),
        await Connection.open(alone.url) as connection,
    ):
        connection.writer.write(request())
        with contextlib.suppress(ConnectionResetError):
            assert (await connection.reader.read()).count(b"HTTP/1.1 ") <= 1


async def test_an_answer_that_can_not_be_written_hangs_nobody(
    adapter: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def odd(exchange: Exchange) -> Reply | None:
        return Reply(b"", headers={"X": 5})  # type: ignore[dict-item]

    async def broken(exchange: Exchange) -> Reply | None:
        return Reply("no bytes")  # type: ignore[arg-type]

    for how in (odd, broken):
        answering(monkeypatch, how)
        async with asyncio.timeout(5), await Connection.open(adapter.url) as connection:
            connection.writer.write(request())
            with contextlib.suppress(ConnectionResetError):
                await connection.reader.read(100)
    assert any("could not be answered" in message for message in caplog.messages)


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("in_pieces", [True, False])
async def test_an_answer_that_has_no_body(
    adapter: Running, monkeypatch: pytest.MonkeyPatch, status: int, in_pieces: bool
):
    async def saying_nothing(exchange: Exchange) -> Reply | None:
        if not in_pieces:
            return Reply(b"not told", status)
        await exchange.begin({}, status)
        await exchange.end()
        return None

    answering(monkeypatch, saying_nothing)
    async with asyncio.timeout(5), await Connection.open(adapter.url) as connection:
        for _ in range(2):  # it lasts, and nothing is between the two
            connection.writer.write(request(WITH_ID))
            head = await connection.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 %d " % status)
            assert b"Content-Length" not in head
            assert b"Transfer-Encoding" not in head


async def gone(adapter: Running, count: int = 1) -> None:
    """Waits until so many requests have been counted as left by their clients."""
    async with asyncio.timeout(PROMPTLY):
        while await adapter.metric("adapter_requests_total", outcome="client_gone") < count:  # noqa: ASYNC110  # HTTP
            await asyncio.sleep(0.02)
    assert await adapter.metric("adapter_requests_in_flight", route="/api/chat") == 0
    assert not adapter.fronts


@pytest.mark.parametrize("leave", ["close", "reset", "half"])
@pytest.mark.parametrize("body", [WHOLE, STREAM])
@pytest.mark.parametrize("events", [0, 3])
async def test_a_client_that_leaves(
    scripted: ScriptedVLLM, adapter: Running, leave: str, body: bytes, events: int
):
    """One that has said its last word has left, too, as it has for aiohttp."""
    scripted.play = plays.endless("chat_stream_usage", 3) if events else plays.hang_before_headers
    connection = await Connection.open(adapter.url)
    connection.writer.write(request(body=body))
    await scripted.until(lambda: scripted.in_flight == 1)
    if events and body is STREAM:
        await connection.reader.readuntil(b"\n\r\n")
    if leave == "close":
        await connection.close()
    elif leave == "half":
        connection.writer.write_eof()
    else:
        connection.reset()
    await scripted.until(lambda: (scripted.in_flight, scripted.gone) == (0, 1), within=PROMPTLY)
    await gone(adapter)
    if leave == "half":
        await connection.reader.read()
        assert await over(connection)
    await connection.close()


async def test_a_client_that_leaves_with_requests_unanswered(
    scripted: ScriptedVLLM, adapter: Running
):
    scripted.play = plays.hang_before_headers
    connection = await Connection.open(adapter.url)
    connection.writer.write(request())
    await scripted.until(lambda: scripted.in_flight == 1)
    connection.writer.write(request() * 3)
    await asyncio.sleep(0.05)
    await connection.close()
    await scripted.until(lambda: scripted.in_flight == 0, within=PROMPTLY)
    await gone(adapter)
    assert len(scripted.seen) == 1


async def test_a_client_that_asks_and_leaves_at_once(scripted: ScriptedVLLM, adapter: Running):
    for _ in range(20):
        connection = await Connection.open(adapter.url)
        connection.writer.write(request())
        await asyncio.sleep(0)
        connection.reset()
        await connection.close()
    await asyncio.sleep(0.2)
    assert await adapter.metric("adapter_requests_in_flight", route="/api/chat") == 0
    assert not adapter.fronts


async def remembered(adapter: Running, caplog: pytest.LogCaptureFixture) -> tuple[list[str], ...]:
    """The figures and the lines of the log after some requests of every kind."""
    caplog.clear()
    for wire in (
        request(WITH_ID),
        request(WITH_ID, body=STREAM),
        request(WITH_ID, body=b"{"),
        request(WITH_ID, body=WHOLE.replace(b"tiny-chat", b"nobody"), target=V1),
        request(WITH_ID, body=prompt(b"DIE", STREAM)),
        request(WITH_ID, body=prompt(b"ERR400")),
        request(WITH_ID, body=STREAM, target=V1),
        request(WITH_ID, host=b"Host: evil.com"),
    ):
        await ask(adapter.url, wire)
    figures = [
        re.sub(r"(_seconds_sum\S*) .*|_seconds_bucket.*", r"\1", line)
        for line in (await adapter.get("/metrics")).text.splitlines()
        if 'route="/' in line and "ready" not in line and "metrics" not in line
    ]
    lines = [
        re.sub(r"ms=[\d.]+", "ms=T", record.getMessage())
        for record in caplog.records
        if record.name == "adapter.access" and "my-own" in record.getMessage()
    ]
    return sorted(figures), lines


async def test_what_is_remembered_is_what_aiohttps_way_remembers(
    scripted: ScriptedVLLM, adapter: Running, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", "adapter.access")
    async with running(scripted.url, front=False) as alone:
        ours, theirs = await remembered(adapter, caplog), await remembered(alone, caplog)
    assert ours == theirs
    assert len(ours[1]) == 8
    assert len(ours[0]) > 8
