"""Connections to an engine on a real socket, in literal bytes; on each event loop there is."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from adapter.errors import (
    AdapterError,
    UpstreamAway,
    UpstreamBroken,
    UpstreamCut,
    UpstreamError,
    UpstreamUnreachable,
)
from adapter.settings import Timeouts
from adapter.upstream import pool as module
from adapter.upstream.answer import Answer
from adapter.upstream.pool import Pool
from tests.support.loops import BOTH
from tests.support.machine import free_port
from tests.unit.upstream.listener import OK, Caller, Listener, answers, listening, silent

LOOPS = BOTH
LIMITS = Timeouts(connect=5, first_byte=8, idle=8)
KEY = {"Authorization": "Bearer sesame"}
STANDING = b"User-Agent: ollama-vllm-adapter\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"
NEW = 0.05
"""Seconds for which a connection is kept, in tests of that."""


@pytest.fixture
async def engine() -> AsyncIterator[Listener]:
    async with listening() as engine:
        yield engine


@contextlib.asynccontextmanager
async def pooled(url: str, connect: float = 5, **headers: str) -> AsyncIterator[Pool]:
    pool = Pool(URL(url), "llm", connect, headers)
    try:
        yield pool
    finally:
        pool.close()
        await asyncio.sleep(0)  # the loop closes what was aborted
        await asyncio.sleep(0)


@pytest.fixture
async def pool(engine: Listener) -> AsyncIterator[Pool]:
    async with pooled(f"http://127.0.0.1:{engine.port}") as pool:
        yield pool


async def ask(
    pool: Pool, method: str = "GET", path: str = "/", *body: bytes, **headers: str
) -> Answer:
    return await pool.ask(method, path, headers, body, LIMITS)


async def said(pool: Pool, *how: Any, **headers: str) -> bytes:
    async with await ask(pool, *how, **headers) as answer:
        return await answer.read()


class TestWhatIsSent:
    async def test_a_question(self, engine: Listener, pool: Pool):
        assert await said(pool, "GET", "/v1/models") == b"ok"
        host = b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % engine.port
        assert engine.requests == [host + STANDING + b"\r\n"]

    async def test_a_body_with_headers_of_its_own(self, engine: Listener, pool: Pool):
        more = {"Content-Type": "application/json", "X-Request-Id": "a-1"}
        await said(pool, "POST", "/v1/a%20b", b'{"\xc3\xa4"', b': "\r\n"}', **more)
        assert engine.requests == [
            b"POST /v1/a%%20b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % engine.port
            + STANDING
            + b"Content-Type: application/json\r\nX-Request-Id: a-1\r\nContent-Length: 12\r\n\r\n"
            + b'{"\xc3\xa4": "\r\n"}'
        ]

    async def test_no_body_where_there_might_be_one(self, engine: Listener, pool: Pool):
        await said(pool, "POST")
        assert engine.requests[0].endswith(b"identity\r\nContent-Length: 0\r\n\r\n")

    @pytest.mark.parametrize(
        ("user", "headers", "sent"),
        [
            ("", {}, []),
            ("", KEY, [b"Authorization: Bearer sesame"]),
            ("me:my%40word@", {}, [b"Authorization: Basic bWU6bXlAd29yZA=="]),
            ("me@", {}, [b"Authorization: Basic bWU6"]),
            ("me:word@", KEY, [b"Authorization: Bearer sesame"]),
        ],
    )
    async def test_who_asks(self, engine: Listener, user: str, headers: dict[str, str], sent: Any):
        async with pooled(f"http://{user}127.0.0.1:{engine.port}", **headers) as pool:
            await said(pool)
        lines = engine.requests[0].split(b"\r\n")
        assert [line for line in lines if line.startswith(b"Authorization")] == sent
        assert lines[1] == b"Host: 127.0.0.1:%d" % engine.port

    @pytest.mark.parametrize(
        ("url", "host"),
        [
            ("http://h", "h"),
            ("http://h:8000/v1", "h:8000"),
            ("https://h/v1", "h"),
            ("https://me:word@h:8443/v1", "h:8443"),
            ("http://[::1]:8000", "[::1]:8000"),
            ("http://me@[fe80::1]", "[fe80::1]"),
            ("http://bücher.example:1/", "xn--bcher-kva.example:1"),
        ],
    )
    async def test_which_host(self, url: str, host: str):
        pool = Pool(URL(url), "llm", 1, {})
        assert pool._standing.startswith(f"Host: {host}\r\nUser-Agent: ")

    async def test_over_ipv6(self):
        if not socket.has_ipv6 or not ipv6_loopback():
            pytest.skip("no IPv6 on this machine")
        async with listening("::1") as engine, pooled(f"http://[::1]:{engine.port}") as pool:
            assert await said(pool) == b"ok"
            assert engine.requests[0].split(b"\r\n")[1] == b"Host: [::1]:%d" % engine.port

    @pytest.mark.parametrize(
        "value", ["a\r\nX: y", "a\nX: y", "a\r", "\n", "a\r\n\r\nGET / HTTP/1.1\r\n\r\n"]
    )
    async def test_a_header_that_would_be_two_is_refused(
        self, engine: Listener, pool: Pool, value: str
    ):
        with pytest.raises(AdapterError):
            await ask(pool, **{"X-Request-Id": value})
        with pytest.raises(AdapterError):
            await ask(pool, **{f"X{value}": "a"})
        with pytest.raises(AdapterError):
            Pool(URL("http://h"), "llm", 1, {"Authorization": value})
        assert (engine.requests, engine.callers) == ([], [])

    async def test_much(self, engine: Listener, pool: Pool):
        body = bytes(range(256)) * 2**15
        assert await said(pool, "POST", "/", body) == b"ok"
        assert engine.requests[0].endswith(b"Content-Length: 8388608\r\n\r\n" + body)
        assert await said(pool) == b"ok"
        assert len(engine.callers) == 1


def ipv6_loopback() -> bool:
    with socket.socket(socket.AF_INET6) as plug:
        try:
            plug.bind(("::1", 0))
        except OSError:
            return False
    return True


def by_number(caller: Caller) -> None:
    """Answers with the number of the connection."""
    caller.says(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n%03d" % caller.number)


class TestConnections:
    async def test_are_used_again(self, engine: Listener, pool: Pool):
        for _ in range(20):
            assert await said(pool) == b"ok"
        assert len(engine.callers) == 1

    async def test_carry_one_request_at_a_time(self, engine: Listener, pool: Pool):
        engine.play = by_number
        held = [await ask(pool) for _ in range(5)]
        assert len(engine.callers) == 1  # each answer was whole, if unread
        engine.play = silent
        asking = [asyncio.ensure_future(said(pool)) for _ in range(5)]
        await engine.until_open(5)
        for caller in list(engine.open):
            by_number(caller)
        assert sorted(await asyncio.gather(*asking)) == [b"%03d" % n for n in range(5)]
        for answer in held:
            assert await answer.read() == b"000"

    async def test_the_last_used_first(self, engine: Listener, pool: Pool):
        engine.play = silent
        asking = [asyncio.ensure_future(said(pool)) for _ in range(3)]
        await engine.until_open(3)
        for number in (2, 0, 1):
            by_number(engine.callers[number])
            await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
            asking = [task for task in asking if not task.done()]
        engine.play = by_number
        assert [await said(pool) for _ in range(3)] == [b"001"] * 3
        engine.play = silent
        waiting = asyncio.ensure_future(said(pool))
        async with asyncio.timeout(5):
            while len(engine.requests) < 7:  # noqa: ASYNC110  # seen in the list only
                await asyncio.sleep(0.005)
        engine.play = by_number
        assert await said(pool) == b"000"
        by_number(engine.callers[1])
        assert await waiting == b"001"

    async def test_that_the_engine_closed_are_not_used(self, engine: Listener, pool: Pool):
        for hang_up in (Caller.hangs_up, Caller.resets) * 3:
            assert await said(pool) == b"ok"
            for caller in list(engine.open):
                hang_up(caller)
            await engine.until_open(0)
            await asyncio.sleep(0.02)
            assert [*pool._all, *pool._idle] == [], "they are forgotten"
        assert await said(pool) == b"ok"
        assert len(engine.requests) == 7

    async def test_that_are_being_closed_are_not_used(self, engine: Listener, pool: Pool):
        """The loop says that one is gone a moment after it was closed."""
        assert await said(pool) == b"ok"
        for connection in pool._idle:
            connection.abort()
        assert await said(pool) == b"ok"
        assert len(engine.callers) == 2

    async def test_that_said_something_unasked_are_not_used(self, engine: Listener, pool: Pool):
        assert await said(pool) == b"ok"
        engine.callers[0].says(OK)
        await engine.until_open(0)
        assert await said(pool) == b"ok"
        assert len(engine.callers) == 2

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
            b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
            OK + b"garbage",
            OK + OK,
        ],
        ids=["that close", "of HTTP/1.0", "with garbage", "with a second answer"],
    )
    async def test_are_not_used_after_answers(self, engine: Listener, pool: Pool, answer: bytes):
        engine.play = answers(answer)
        for _ in range(3):
            assert await said(pool) == b"ok"
        await engine.until_open(0)
        assert len(engine.callers) == 3

    async def test_are_not_used_when_they_are_old(
        self, engine: Listener, pool: Pool, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(module, "_KEEP_ALIVE_SECONDS", NEW)
        assert await said(pool) == b"ok"
        await asyncio.sleep(2 * NEW)
        assert await said(pool) == b"ok"
        assert len(engine.callers) == 2
        await engine.until_open(1)

    async def test_are_kept_for_less_than_vllm_keeps_them(self):
        assert 1 < module._KEEP_ALIVE_SECONDS < 5

    async def test_hundreds_are_not_kept_for_ever(
        self, engine: Listener, pool: Pool, monkeypatch: pytest.MonkeyPatch
    ):
        engine.play = silent
        asking = [asyncio.ensure_future(said(pool)) for _ in range(400)]
        await engine.until_open(400)
        for caller in list(engine.open):
            caller.says(OK)
        await asyncio.gather(*asking)
        assert len(engine.open) == 400
        engine.play = answers(OK)
        monkeypatch.setattr(module, "_KEEP_ALIVE_SECONDS", NEW)
        await asyncio.sleep(2 * NEW)
        assert await said(pool) == b"ok"
        await engine.until_open(1)

    async def test_nothing_of_them_is_left_when_the_pool_is_closed(
        self, engine: Listener, pool: Pool
    ):
        assert await said(pool) == b"ok"
        engine.play = silent
        asking = [asyncio.ensure_future(said(pool)) for _ in range(3)]
        await engine.until_open(3)
        engine.play = by_number
        await said(pool)
        assert len(engine.open) == 4
        pool.close()
        await engine.until_open(0)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        pool.close()


class TestNoConnection:
    async def test_refused(self):
        async with pooled(f"http://127.0.0.1:{free_port()}") as pool:
            with pytest.raises(UpstreamAway, match="the engine llm is not there") as away:
                await ask(pool)
        assert type(away.value) is UpstreamAway

    @pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".invalid"])
    async def test_a_name_that_is_none(self, host: str):
        async with pooled(f"http://{host}:8000") as pool:
            with pytest.raises(UpstreamAway):
                await ask(pool)

    async def test_nobody_answers(self):
        with deaf_port() as port:
            async with pooled(f"http://127.0.0.1:{port}", connect=0.2) as pool:
                with pytest.raises(UpstreamUnreachable):
                    await ask(pool)

    async def test_whoever_connects_is_sent_away(self, engine: Listener, pool: Pool):
        """Whatever falls between the connecting and the asking, it is one of our errors."""
        for greet in (Caller.hangs_up, Caller.resets, answers(b"SSH-2.0-OpenSSH\r\n")):
            engine.greet = greet
            for _ in range(30):
                with pytest.raises(UpstreamBroken) as broken:
                    await ask(pool)
                assert type(broken.value) is UpstreamBroken
        await engine.until_open(0)

    async def test_one_who_stops_waiting_for_it_leaves_nothing(self):
        with deaf_port() as port:
            async with pooled(f"http://127.0.0.1:{port}") as pool:
                asking = asyncio.ensure_future(ask(pool))
                await asyncio.sleep(0.05)
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
        gc.collect()  # an open socket would be warned of

    async def test_one_who_stops_waiting_at_any_moment_leaves_nothing(
        self, engine: Listener, pool: Pool
    ):
        engine.play = silent
        for turns in range(12):
            asking = asyncio.ensure_future(ask(pool))
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        await asyncio.sleep(0.05)
        await engine.until_open(0)
        engine.play = answers(OK)
        assert await said(pool) == b"ok"


@contextlib.contextmanager
def deaf_port() -> Iterator[int]:
    """Of a listener whose queue is full, so that the kernel drops further connections."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            plug = stack.enter_context(socket.socket())
            plug.setblocking(False)
            plug.connect_ex(("127.0.0.1", port))
        yield port


HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"


class TestABrokenAnswer:
    @pytest.mark.parametrize("leave", [Caller.hangs_up, Caller.resets])
    async def test_before_it_began(self, engine: Listener, pool: Pool, leave: Any):
        engine.play = leave
        for _ in range(3):
            with pytest.raises(UpstreamBroken) as broken:
                await ask(pool)
            assert type(broken.value) is UpstreamBroken

    async def test_in_the_middle(self, engine: Listener, pool: Pool):
        def half(caller: Caller) -> None:
            caller.says(HALF)
            caller.hangs_up()

        engine.play = half
        with pytest.raises(UpstreamCut):
            await said(pool)

    async def test_reset_in_the_middle(self, engine: Listener, pool: Pool):
        engine.play = answers(HALF)
        answer = await ask(pool)
        got: list[bytes] = []
        pouring = asyncio.ensure_future(answer.pour(lambda data: got.append(data) is not None))
        await asyncio.sleep(0.02)
        engine.callers[0].resets()
        with pytest.raises(UpstreamCut):
            await pouring
        assert got == [b"half"]

    async def test_until_the_connection_closes(self, engine: Listener, pool: Pool):
        def until_closed(caller: Caller) -> None:
            caller.says(b"HTTP/1.0 200 OK\r\n\r\nall of it")
            caller.hangs_up()

        engine.play = until_closed
        for _ in range(3):
            assert await said(pool) == b"all of it"
        await engine.until_open(0)

    async def test_to_a_body_that_the_engine_does_not_want(self, engine: Listener, pool: Pool):
        """It answers at once and reads no more of it."""
        refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"

        def refuse(caller: Caller) -> None:
            engine.hear = silent
            caller.transport.pause_reading()
            caller.says(refusal)

        engine.hear = refuse
        answer = await ask(pool, "POST", "/", b"x" * 2**25)
        assert (answer.status, await answer.read()) == (413, b"no")
        engine.callers[0].transport.resume_reading()
        await engine.until_open(0)


async def test_an_answer_that_waits_whole_does_not_hold_up_the_next(engine: Listener, pool: Pool):
    whole = b"x" * 100_000
    engine.play = answers(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(whole), whole))
    for _ in range(5):
        async with await ask(pool) as answer:
            await asyncio.sleep(0.02)
            assert await answer.read() == whole
    assert len(engine.callers) == 1


async def test_a_slow_reader_is_not_sent_more_than_it_takes(engine: Listener, pool: Pool):
    """Nor does it keep the others from theirs."""
    piece, count = b"x" * 2**20, 64
    engine.play = answers(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (count * len(piece)))
    slow = await ask(pool)
    caller = engine.callers[0]
    for _ in range(count):
        caller.says(piece)
    await asyncio.sleep(0.2)
    unsent = caller.transport.get_write_buffer_size()
    assert unsent > (count - 20) * len(piece), "the rest is in the buffers of the system"
    await asyncio.sleep(0.2)
    assert caller.transport.get_write_buffer_size() == unsent
    engine.play = answers(OK)
    assert await said(pool) == b"ok"
    assert await slow.read() == piece * count
    assert await said(pool) == b"ok"
    assert len(engine.callers) == 2


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody vouches for, and its key."""
    openssl = shutil.which("openssl") or pytest.skip("openssl not found")
    folder = tmp_path_factory.mktemp("tls")
    paths = folder / "certificate.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-out", str(paths[0]), "-keyout", str(paths[1])]
    subprocess.run(command, check=True, capture_output=True)
    return paths


class TestTLS:
    @pytest.fixture
    async def secure(self, certificate: tuple[Path, Path]) -> AsyncIterator[Listener]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        async with listening(tls=context) as engine:
            yield engine

    @pytest.fixture
    def trusted(self, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
        context = ssl.create_default_context(cafile=certificate[0])
        monkeypatch.setattr(module, "_trust", lambda: context)

    async def test_a_certificate_that_is_not_trusted(self, secure: Listener):
        async with pooled(f"https://127.0.0.1:{secure.port}") as pool:
            with pytest.raises(
                UpstreamBroken, match="certificate of the engine llm is not trusted"
            ):
                await ask(pool)
        assert secure.requests == []

    @pytest.mark.usefixtures("trusted")
    async def test_one_of_another_name(self, secure: Listener):
        async with pooled(f"https://localhost:{secure.port}") as pool:
            with pytest.raises(UpstreamBroken, match="certificate"):
                await ask(pool)

    @pytest.mark.usefixtures("trusted")
    async def test_one_that_is(self, secure: Listener):
        async with pooled(f"https://127.0.0.1:{secure.port}") as pool:
            for _ in range(3):
                assert await said(pool, "POST", "/", b"body" * 2**18) == b"ok"
            assert len(secure.callers) == 1
            secure.play = answers(HALF)
            answer = await ask(pool)
            answer.close()
            await secure.until_open(0)

    async def test_a_listener_without(self, engine: Listener):
        engine.greet = answers(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        async with pooled(f"https://127.0.0.1:{engine.port}") as pool:
            with pytest.raises(UpstreamError):
                await ask(pool)
        await engine.until_open(0)
