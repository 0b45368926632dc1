"""The connections to an engine, through the whole adapter: how they are shared, how they end."""

import asyncio
import json
import time

import pytest

from tests.support import plays, words
from tests.support.loops import BOTH
from tests.support.machine import PROMPTLY
from tests.support.raw_http import Connection
from tests.support.recordings import recording
from tests.support.scripted_vllm import Play, ScriptedVLLM, Stage
from tests.support.serve import serving

LOOPS = BOTH
CHAT = {"model": "tiny-chat", "messages": [{"role": "user", "content": "hi"}]}
ASKED = pytest.mark.parametrize(
    ("path", "stream"),
    [
        ("/api/chat", True),
        ("/api/chat", False),
        ("/v1/chat/completions", True),
        ("/v1/messages", True),
    ],
)
NAMES = {"/v1/messages": "messages_stream", "/v1/chat/completions": "chat_stream"}
SSE = b"content-type: text/event-stream; charset=utf-8\r\n"


def answer_to(path: str) -> bytes:
    return recording(NAMES.get(path, "chat_stream_usage")).body


def asking(stream: bool) -> dict[str, object]:
    return CHAT | {"stream": stream, "max_tokens": 9}


def is_whole(path: str, reply) -> None:
    assert reply.status == 200, reply.text
    assert reply.ended
    if path.startswith("/api"):
        last = reply.lines[-1] if reply.body.endswith(b"\n") else reply.json
        assert (last["done"], last["eval_count"]) == (True, 6)
    else:
        end = {"/v1/messages": b"message_stop"}.get(path, b"[DONE]")
        assert end in reply.body.rstrip().rpartition(b"\n\n")[2]
        assert b'"error"' not in reply.body


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


class Counting:
    """A play, and the connections of the adapter that it was asked on."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.seen: list[object] = []

    async def __call__(self, stage: Stage) -> None:
        assert stage.http.transport is not None
        self.seen.append(stage.http.transport.get_extra_info("peername"))
        await self.play(stage)


def said(data: bytes, *, close: bool) -> Play:
    """These bytes and nothing of the HTTP library's, then the end of the connection or none."""

    async def play(stage: Stage) -> None:
        stage.raw(data)
        await (stage.drop() if close else stage.hang())

    return play


async def test_hundreds_of_streams_leave_their_connections_to_the_next(scripted, adapter):
    counting = scripted.play = Counting(plays.recorded("chat_stream_usage"))
    replies = await asyncio.gather(*(adapter.post("/api/chat", CHAT) for _ in range(300)))
    for reply in replies:
        is_whole("/api/chat", reply)
    first = set(counting.seen)
    counting.seen.clear()
    for _ in range(3):
        await asyncio.gather(*(adapter.post("/api/chat", CHAT) for _ in range(20)))
    assert len(counting.seen) == 60
    assert set(counting.seen) <= first


@ASKED
@pytest.mark.parametrize("late", [0.05, 2 * PROMPTLY])
async def test_the_last_chunk_comes_late(scripted, adapter, path: str, stream: bool, late: float):
    """It is not waited for: the last event has told that the answer is whole. A moment later the
    connection is used again; else it is closed."""
    body = answer_to(path)

    async def play(stage: Stage) -> None:
        await stage.head(200, {"content-type": "text/event-stream; charset=utf-8"})
        await stage.write(body)
        await asyncio.sleep(late)

    counting = scripted.play = Counting(play)
    is_whole(path, await adapter.post(path, asking(stream), within=PROMPTLY))
    if late > 1:
        await scripted.until(lambda: (scripted.in_flight, scripted.gone) == (0, 1), PROMPTLY)
    else:
        await scripted.until(lambda: scripted.in_flight == 0, PROMPTLY)
        assert scripted.gone == 0
        await asyncio.sleep(0.05)
    scripted.play = counting2 = Counting(plays.stream([body]))
    is_whole(path, await adapter.post(path, asking(stream), within=PROMPTLY))
    assert (counting2.seen == counting.seen) is (late < 1)


CHUNKED = b"HTTP/1.1 200 OK\r\n" + SSE + b"transfer-encoding: chunked\r\n\r\n"
# name → (the head of an answer, whether the engine closes behind it)
ODD_BUT_WHOLE = {
    "garbage behind": (CHUNKED, False),
    "another answer behind": (CHUNKED, False),
    "until it closes": (b"HTTP/1.0 200 OK\r\n" + SSE + b"\r\n", True),
    "until it closes, as 1.1": (b"HTTP/1.1 200 OK\r\nconnection: close\r\n" + SSE + b"\r\n", True),
    "early hints": (b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + CHUNKED, True),
    "trailers": (CHUNKED, True),
    "a length": (b"HTTP/1.1 200 OK\r\n" + SSE + b"content-length: %d\r\n\r\n", True),
}
BEHIND = {
    "garbage behind": b"0\r\n\r\n!garbage\r\n\r\n",
    "another answer behind": b"0\r\n\r\nHTTP/1.1 500 Oh\r\ncontent-length: 2\r\n\r\n{}",
    "early hints": b"0\r\n\r\n",
    "trailers": b"0\r\ncontent-type: text/html\r\nx: y\r\n\r\n",
}


@ASKED
@pytest.mark.parametrize("name", ODD_BUT_WHOLE)
async def test_an_odd_answer_is_an_answer(scripted, adapter, path: str, stream: bool, name: str):
    head, close = ODD_BUT_WHOLE[name]
    body = answer_to(path)
    if name == "a length":
        head %= len(body)
    sent = head + (chunked(body) + BEHIND[name] if name in BEHIND else body)
    scripted.play = said(sent, close=close)
    is_whole(path, await adapter.post(path, asking(stream), within=PROMPTLY))
    scripted.play = plays.stream([body])
    is_whole(path, await adapter.post(path, asking(stream), within=PROMPTLY))


NO_ANSWERS = {
    "an upgrade": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "too many headers": b"HTTP/1.1 200 OK\r\n" + SSE + b"x: " + b"y" * 70_000 + b"\r\n\r\n",
    "no chunk": CHUNKED + b"zz\r\n",
    "a length and chunks": (
        b"HTTP/1.1 200 OK\r\n" + SSE + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"
    ),
}


@ASKED
@pytest.mark.parametrize("name", NO_ANSWERS)
async def test_what_is_none(scripted, adapter, path: str, stream: bool, name: str):
    scripted.play = said(NO_ANSWERS[name], close=False)
    reply = await adapter.post(path, asking(stream), within=PROMPTLY)
    assert reply.status == 502
    assert "error" in reply.json
    await scripted.until(lambda: scripted.in_flight == 0, PROMPTLY)
    scripted.play = plays.stream([answer_to(path)])
    is_whole(path, await adapter.post(path, asking(stream), within=PROMPTLY))


async def test_a_connection_that_closes_while_idle_is_not_used(scripted):
    async with serving(scripted.url, retries=0) as adapter:
        await adapter.until_ready()
        for _ in range(3):
            is_whole("/api/chat", await played(scripted, adapter))
            await scripted.down()
            await scripted.up()
            await asyncio.sleep(0.05)


async def played(scripted: ScriptedVLLM, adapter):
    scripted.play = plays.recorded("chat_stream_usage")
    return await adapter.post("/api/chat", CHAT, within=PROMPTLY)


async def test_a_slow_client_holds_up_its_own_engine_stream_alone(scripted, adapter):
    """What it does not read is not taken from the engine's socket; others get theirs."""
    taken = 0
    piece = words.text("x" * 100_000)

    async def endless(stage: Stage) -> None:
        nonlocal taken
        await stage.head(200, {"content-type": "text/event-stream; charset=utf-8"})
        for _ in range(1000):
            await stage.write(piece)
            taken += len(piece)

    scripted.play = endless
    async with await Connection.open(adapter.url, receive_buffer=4096) as slow:
        await slow.send("POST", "/api/chat", json.dumps(CHAT).encode())
        await slow.head()
        for _ in range(20):
            is_whole("/api/chat", await played(scripted, adapter))
        still = -1
        async with asyncio.timeout(10):
            while still != taken:
                still = taken
                await asyncio.sleep(0.2)
        assert taken < 30_000_000, "100 MB were offered"
        for _ in range(30):
            assert len(await slow.chunk()) > 100_000
        is_whole("/api/chat", await played(scripted, adapter))
    await scripted.until(lambda: (scripted.in_flight, scripted.gone) == (0, 1), PROMPTLY)


async def test_requests_of_one_client_in_a_row_are_answered_in_a_row(scripted, adapter):
    """Pipelined: all are sent before the first is answered."""

    async def echo(stage: Stage) -> None:
        text = stage.received.body["messages"][0]["content"]
        await asyncio.sleep(0.02 if text == "0" else 0)
        await plays.stream(words.answer(text, " and", " more"))(stage)

    scripted.play = echo
    async with asyncio.timeout(10), await Connection.open(adapter.url) as connection:
        for number in range(6):
            turns = [{"role": "user", "content": str(number)}]
            body = {"model": "tiny-chat", "messages": turns, "stream": number % 3 < 2}
            path = "/v1/chat/completions" if number % 3 == 1 else "/api/chat"
            await connection.send("POST", path, json.dumps(body).encode())
        for number in range(6):
            head = await connection.head()
            assert head.status == 200
            body = b""
            while chunk := await connection.chunk():
                body += chunk
            assert b'"content":"%d' % number in body
            assert (b"[DONE]" in body) is (number % 3 == 1)


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
async def test_a_client_of_http_1_0(scripted, adapter, path: str):
    scripted.play = plays.stream([answer_to(path)])
    reply = await adapter.post(path, asking(True), version="1.0", within=PROMPTLY)
    assert "transfer-encoding" not in reply.headers
    is_whole(path, reply)


async def test_a_client_is_not_kept_waiting_by_the_closing(scripted, adapter):
    """An engine that never ends its body costs no request more than its own connection."""
    body = answer_to("/api/chat")

    async def play(stage: Stage) -> None:
        await stage.head(200, {"content-type": "text/event-stream; charset=utf-8"})
        await stage.write(body)
        await stage.hang()

    scripted.play = play
    began = time.monotonic()
    for reply in await asyncio.gather(*(adapter.post("/api/chat", CHAT) for _ in range(50))):
        is_whole("/api/chat", reply)
    assert time.monotonic() - began < 10
    await scripted.until(lambda: (scripted.in_flight, scripted.gone) == (0, 50), PROMPTLY)
