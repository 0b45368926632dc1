"""Whoever reads a connection, its client is told the same: every request is asked of both."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import plays
from tests.support.fronts import (
    STREAM,
    WHOLE,
    Answer,
    Running,
    answered,
    ask,
    prompt,
    request,
    running,
    say,
)
from tests.support.raw_http import Connection
from tests.support.scripted_vllm import ScriptedVLLM, Stage
from tests.support.words import words

V1 = b"POST /v1/chat/completions HTTP/1.1"
MESSAGES = b"POST /v1/messages HTTP/1.1"
NOBODY = WHOLE.replace(b"tiny-chat", b"nobody")
GET = b"GET /api/version HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
CHUNKED = b"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"

PLAIN: Mapping[str, bytes] = {
    "whole": request(),
    "stream": request(body=STREAM),
    "keep-alive": request(b"Connection: keep-alive"),
    "a connection of some kind": request(b"Connection: foo"),
    "lines before it": b"\r\n\r\n" + request(),
    "a line after it": request() + b"\r\n",
    "no body": request(body=b""),
    "no length": request(body=b"", sized=False),
    "no json": request(body=b"{"),
    "no json for /v1": request(body=b"{", target=V1),
    "no json for messages": request(body=b"{", target=MESSAGES),
    "no model": request(body=NOBODY),
    "no model for /v1": request(body=NOBODY, target=V1),
    "no model for messages": request(body=NOBODY, target=MESSAGES),
    "its engine refuses": request(body=prompt(b"ERR400")),
    "its engine refuses a stream": request(body=prompt(b"ERR400", STREAM)),
    "its engine refuses for /v1": request(body=prompt(b"ERR400"), target=V1),
    "its stream breaks": request(body=prompt(b"DIE", STREAM)),
    "its stream breaks for /v1": request(body=prompt(b"DIE", STREAM), target=V1),
    "an error in its stream": request(body=prompt(b"MIDERR", STREAM)),
    "its whole answer breaks": request(body=prompt(b"DIE")),
    "status 418": request(body=prompt(b"STATUS418")),
    "status 422 for /v1": request(body=prompt(b"STATUS422"), target=V1),
    "a stream for /v1": request(body=STREAM, target=V1),
    "an id": request(b"X-Request-Id: my-own"),
    "an id and a space": request(b"X-Request-Id: my-own "),
    "an id with a tab before it": request(b"X-Request-Id:\tmy-own"),
    "an id with a space in it": request(b"X-Request-Id: my own"),
    "an id in latin-1": request(b"X-Request-Id: \xe9"),
    "too long an id": request(b"X-Request-Id: " + b"x" * 129),
    "a strange name": request(host=b"Host: evil.com"),
    "a local name": request(host=b"Host: box.local:11434"),
    "an empty name": request(host=b"Host:"),
    "a name and a space": request(host=b"Host: 127.0.0.1 "),
    "status 499": request(body=prompt(b"STATUS499")),
    "status 529 for /v1": request(body=prompt(b"STATUS529"), target=V1),
    "spaces in its first line": request(target=b"POST  /api/chat  HTTP/1.1"),
    "8 KB of cookies": request(b"Cookie: " + b"a" * 8_000),
}
"""What is answered without aiohttp."""

OTHER: Mapping[str, bytes] = {
    "GET": GET,
    "GET of a hot route": request(body=b"", sized=False, target=b"GET /api/chat HTTP/1.1"),
    "DELETE": request(body=b"", sized=False, target=b"DELETE /api/chat HTTP/1.1"),
    "another route": request(target=b"POST /api/me HTTP/1.1"),
    "no route": request(target=b"POST /nowhere HTTP/1.1"),
    "a slash": request(target=b"POST /api/chat/ HTTP/1.1"),
    "two slashes": request(target=b"POST //api/chat HTTP/1.1"),
    "a query": request(target=b"POST /api/chat?a=b HTTP/1.1"),
    "a fragment": request(target=b"POST /api/chat#a HTTP/1.1"),
    "escapes": request(target=b"POST /api/ch%61t HTTP/1.1"),
    "absolute": request(target=b"POST http://127.0.0.1/api/chat HTTP/1.1"),
    "1.0": request(target=b"POST /api/chat HTTP/1.0"),
    "1.0, kept": request(b"Connection: keep-alive", target=b"POST /api/chat HTTP/1.0"),
    "1.2": request(target=b"POST /api/chat HTTP/1.2"),
    "2.0": request(target=b"POST /api/chat HTTP/2.0"),
    "a page": request(b"Origin: http://localhost:3000"),
    "a strange page": request(b"Origin: http://evil.com"),
    "an empty origin": request(b"Origin:"),
    "in a code": request(b"Content-Encoding: identity"),
    "in a false code": request(b"Content-Encoding: gzip"),
    "in chunks": CHUNKED + b"\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(WHOLE), WHOLE),
    "with a trailer": CHUNKED + b"\r\n%x\r\n%b\r\n0\r\nX-A: b\r\n\r\n" % (len(WHOLE), WHOLE),
    "in chunks that are none": CHUNKED + b"\r\nxyz\r\n",
    "a length and chunks": request(b"Transfer-Encoding: chunked"),
    "chunks and a length": CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "chunks, hidden": request(b"Transfer-Encoding: \x0bchunked"),
    "chunks, twice": request(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
    "no name": request(host=b""),
    "two names": request(b"Host: evil.com"),
    "two types": request(b"Content-Type: text/plain", b"Content-Type: text/html"),
    "two ids": request(b"X-Request-Id: a", b"X-Request-Id: b"),
    "60 KB of cookies": request(b"Cookie: " + b"a" * 60_000),
    "70 KB of cookies": request(b"Cookie: " + b"a" * 70_000),
    "300 headers": request(*[b"X-%d: a" % number for number in range(300)]),
    "two lengths": request(b"Content-Length: 5"),
    "the same length twice": request(b"Content-Length: %d" % len(WHOLE)),
    "a list of lengths": request(b"Content-Length: 5, 5", sized=False),
    "a length with a sign": request(b"Content-Length: +5", sized=False),
    "a length below zero": request(b"Content-Length: -5", sized=False),
    "a length in hex": request(b"Content-Length: 0x5", sized=False),
    "a length of two words": request(b"Content-Length: 5 5", sized=False),
    "an endless length": request(b"Content-Length: " + b"9" * 30, sized=False),
    "a body without a length": request(sized=False),
    "an upgrade": request(b"Connection: Upgrade", b"Upgrade: websocket"),
    "an upgrade to HTTP/2": request(b"Connection: Upgrade", b"Upgrade: h2c"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("16030102000100 01fc0303"),
    "garbage": b"\x00\x01\x02\x03\r\n\r\n",
    "garbage after a request": request() + b"\x00\x01",
    "small letters": request(target=b"post /api/chat HTTP/1.1"),
    "bare line feeds": request().replace(b"\r\n", b"\n"),
    "a bare line feed": request(b"X-A: b\nContent-Length: 3"),
    "a bare carriage return": request(b"X-A: b\rContent-Length: 3"),
    "a folded line": request(b"X-A: b\r\n  c"),
    "a space before a colon": request(b"Content-Length : 3"),
    "a name with a bracket": request(b"X(y): b"),
    "a name in utf-8": request(b"X\xc3\xa9: b"),
    "a zero byte": request(b"X-A: b\x00c"),
    "a space before the headers": request().replace(b"Host", b" Host"),
    "more after the last answer": request(b"Connection: close") + request(),
}
"""What is left to aiohttp."""

LAST: Mapping[str, bytes] = {
    "a whole answer": request(b"Connection: close"),
    "a stream": request(b"Connection: close", body=STREAM),
    "one of several words": request(b"Connection: foo, CLOSE"),
    "an old word": request(b"Proxy-Connection: close"),
    "an error": request(b"Connection: close", body=b"{"),
    "a refusal": request(b"Connection: close", host=b"Host: evil.com"),
}
"""What is answered without aiohttp, and nothing after it."""


async def refusing(stage: Stage) -> None:
    """As the words of the prompt say; STATUS and a number: the engine refuses with it."""
    if found := re.search(r"STATUS(\d+)", json.dumps(stage.received.body)):
        error = {"error": {"message": "no", "code": int(found[1])}}
        await plays.refuse(int(found[1]), error)(stage)
    else:
        await words(stage)


@pytest.fixture
async def both(scripted: ScriptedVLLM) -> AsyncIterator[tuple[Running, Running]]:
    """The adapter, and aiohttp alone before the same engine."""
    scripted.play = refusing
    async with running(scripted.url) as adapter, running(scripted.url, front=False) as alone:
        yield adapter, alone


async def asked(adapter: Running, *wires: bytes) -> tuple[list[Answer], bool]:
    """All that is answered, each before the next is sent; and whether the connection is over."""
    found: list[Answer] = []
    async with await Connection.open(adapter.url) as connection:
        try:
            async with asyncio.timeout(5):
                for wire in wires:
                    await say(connection, wire)
                    found.append(await answered(connection))
            async with asyncio.timeout(0.1):
                while True:
                    found.append(await answered(connection))
        except TimeoutError:
            return found, False
        except (EOFError, ConnectionResetError):
            return found, True


async def same(both: tuple[Running, Running], *wires: bytes) -> None:
    (ours, over), (theirs, theirs_over) = await asyncio.gather(*(asked(it, *wires) for it in both))
    assert [it.without_what_changes() for it in ours] == [
        it.without_what_changes() for it in theirs
    ]
    assert over is theirs_over
    assert theirs


@pytest.mark.parametrize("name", PLAIN)
async def test_what_is_answered_here(both: tuple[Running, Running], name: str):
    await same(both, PLAIN[name])
    async with await Connection.open(both[0].url) as connection:
        await say(connection, PLAIN[name])
        answer = await asyncio.wait_for(answered(connection), 5)
        assert len(both[0].fronts) == 1
        assert b"server" not in answer.names
        assert {b"date", b"x-request-id"} < answer.names


@pytest.mark.parametrize("name", OTHER)
async def test_what_is_left_to_aiohttp(both: tuple[Running, Running], name: str):
    await same(both, OTHER[name])
    async with await Connection.open(both[0].url) as connection:
        await say(connection, OTHER[name])
        assert await asyncio.wait_for(connection.reader.read(1), 5)
        assert not both[0].fronts


@pytest.mark.parametrize("name", OTHER)
async def test_what_is_left_to_aiohttp_after_an_answer(both: tuple[Running, Running], name: str):
    await same(both, request(), OTHER[name])


@pytest.mark.parametrize("name", OTHER)
async def test_what_is_left_to_aiohttp_behind_a_request(both: tuple[Running, Running], name: str):
    await same(both, request() + OTHER[name])


@pytest.mark.parametrize("name", LAST)
async def test_the_last_answer_of_a_connection(both: tuple[Running, Running], name: str):
    await same(both, LAST[name])
    await same(both, request(), LAST[name])


SEQUENCE = ("whole", "stream", "no json", "no model for /v1", "a stream for /v1", "a strange name")
MIXED = [*(PLAIN[name] for name in SEQUENCE), GET, *(OTHER[it] for it in ("a query", "in chunks"))]


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(wires=st.lists(st.sampled_from(MIXED), min_size=1, max_size=5), data=st.data())
async def test_any_cut_of_any_sequence(
    both: tuple[Running, Running], wires: list[bytes], data: st.DataObject
):
    """What stands where in a read, and what was answered meanwhile, changes nothing."""
    whole = b"".join(wires)
    ends_of_all = [len(b"".join(wires[:count])) for count in range(1, len(wires))]
    places = st.integers(1, len(whole) - 1) | st.sampled_from(ends_of_all or [1])
    bounds = [0, *sorted(data.draw(st.sets(places, max_size=6), "cuts")), len(whole)]
    reads = [whole[start:end] for start, end in itertools.pairwise(bounds)]
    adapter, alone = both
    ours = await ask(adapter.url, *reads, answers=len(wires))
    theirs = [answer for wire in wires for answer in await ask(alone.url, wire)]
    assert [it.without_what_changes() for it in ours] == [
        it.without_what_changes() for it in theirs
    ]
