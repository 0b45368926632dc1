"""Requests to an engine: where they go, what counts as an answer, and what is told of the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest

from adapter.errors import (
    PromptTooLong,
    RouteMissing,
    UpstreamAway,
    UpstreamBroken,
    UpstreamCut,
    UpstreamRefused,
    UpstreamSilent,
)
from adapter.settings import Timeouts, UpstreamSettings
from adapter.translate.refusals import PROMPT_TOO_LONG
from adapter.upstream import client as module
from adapter.upstream import retry
from adapter.upstream.client import Upstream, _target
from adapter.upstream.form import Form
from tests.support.machine import free_port
from tests.support.recordings import recording
from tests.unit.upstream.listener import Caller, Listener, answers, listening, silent

BODY = {"model": "tiny-chat", "messages": []}
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
EVENTS += b"Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n0\r\n\r\n"
LIMITS = {"connect": 2, "first_byte": 8, "idle": 8}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retry, "_FIRST_WAIT", 0.0)
    monkeypatch.setattr(retry, "_LONGEST_WAIT", 0.0)


@pytest.fixture
async def engine() -> AsyncIterator[Listener]:
    async with listening() as engine:
        yield engine


def upstream(url: str, retries: int = 0, **more: Any) -> Upstream:
    limits = Timeouts.model_validate(LIMITS)
    return Upstream(UpstreamSettings(name="llm", url=url, timeouts=limits, **more), retries)


@pytest.fixture
async def client(engine: Listener) -> AsyncIterator[Upstream]:
    client = upstream(f"http://127.0.0.1:{engine.port}", retries=2)
    yield client
    client.close()
    await engine.until_open(0)


def wire(name: str) -> bytes:
    """A recorded answer as the engine sent it."""
    found = recording(name)
    head = b"HTTP/1.1 %d %b\r\n" % (found.status, found.reason.encode())
    sent = {name: value for name, value in found.headers if name != "transfer-encoding"}
    sent["content-length"] = str(len(found.body))
    lines = b"".join(b"%b: %b\r\n" % (k.encode(), v.encode()) for k, v in sent.items())
    return head + lines + b"\r\n" + found.body


def in_turn(*plays: Callable[[Caller], None]) -> Callable[[Caller], None]:
    left = list(plays)
    return lambda caller: left.pop(0)(caller)


def targets(engine: Listener) -> list[bytes]:
    return [request.partition(b" HTTP/")[0] for request in engine.requests]


@pytest.mark.parametrize(
    ("url", "chat", "tokenize"),
    [
        ("http://h:8000", "/v1/chat/completions", "/tokenize"),
        ("http://h:8000/", "/v1/chat/completions", "/tokenize"),
        ("http://h:8000/v1", "/v1/chat/completions", "/tokenize"),
        ("http://h:8000/v3", "/v3/chat/completions", "/tokenize"),
        ("https://h/openai", "/openai/v1/chat/completions", "/openai/tokenize"),
        ("https://h/a%20b/v2", "/a%20b/v2/chat/completions", "/a%20b/tokenize"),
    ],
)
async def test_the_routes_of_an_engine(url: str, chat: str, tokenize: str):
    root = upstream(url)._root
    assert _target(root, "chat/completions") == chat
    assert _target(root, "../tokenize") == tokenize


class TestAQuestion:
    async def test_is_sent_as_json(self, engine: Listener, client: Upstream):
        engine.play = answers(wire("chat_nonstream"))
        found = await client.post_json(
            "chat/completions", BODY, {"X-Request-Id": "a"}, too_long="too long"
        )
        assert found == recording("chat_nonstream").body
        [request] = engine.requests
        assert request.startswith(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:")
        assert request.endswith(
            b"Content-Type: application/json\r\nX-Request-Id: a\r\nContent-Length: 35\r\n\r\n"
            b'{"model":"tiny-chat","messages":[]}'
        )

    async def test_with_the_engines_key(self, engine: Listener):
        client = upstream(f"http://me:word@127.0.0.1:{engine.port}", api_key="sesame")
        engine.play = answers(wire("models"))
        await client._get("models")
        client.close()
        assert engine.requests[0].count(b"Authorization") == 1
        assert b"\r\nAuthorization: Bearer sesame\r\n" in engine.requests[0]

    async def test_with_a_form(self, engine: Listener, client: Upstream):
        engine.play = answers(wire("chat_nonstream"))
        form = Form([("model", "m"), ("file", (b"RIFF\r\n\x00", "a.wav", "audio/wav"))])
        async with await client.open_answer("audio/transcriptions", form, {}) as answer:
            assert await answer.read() == recording("chat_nonstream").body
        head, _, body = engine.requests[0].partition(b"\r\n\r\n")
        boundary = head.partition(b"Content-Type: multipart/form-data; boundary=")[2]
        boundary = boundary.partition(b"\r\n")[0]
        assert head.endswith(b"Content-Length: %d" % len(body))
        assert body.count(b"--" + boundary) == 3
        assert b"\r\n\r\nRIFF\r\n\x00\r\n" in body


REFUSALS = pytest.mark.parametrize(
    ("name", "error", "status"),
    [
        ("err_context", PromptTooLong, 400),
        ("err_unknown_model", UpstreamRefused, 404),
        ("err_404", RouteMissing, 404),
        ("err_top_p", UpstreamRefused, 400),
    ],
)


class TestARefusal:
    @REFUSALS
    async def test_of_a_question(
        self, engine: Listener, client: Upstream, name: str, error: Any, status: int
    ):
        engine.play = answers(wire(name))
        with pytest.raises(error) as refused:
            await client.post_json("chat/completions", BODY, {}, too_long="too long")
        assert (type(refused.value), refused.value.status) == (error, status)
        if error is PromptTooLong:
            assert refused.value.message == "too long"
        assert len(engine.requests) == 1

    @REFUSALS
    @pytest.mark.parametrize("opened", [Upstream.open_stream, Upstream.open_answer])
    async def test_of_a_stream(
        self, engine: Listener, client: Upstream, opened: Any, name: str, error: Any, status: int
    ):
        engine.play = answers(wire(name))
        for _ in range(2):
            with pytest.raises(error) as refused:
                await opened(client, "chat/completions", BODY, {})
            assert refused.value.status == status
        if error is PromptTooLong:
            assert refused.value.message == PROMPT_TOO_LONG
        assert len(engine.callers) == 1, "its connection is used again"

    async def test_without_an_end_is_not_read_for_ever(
        self, engine: Listener, client: Upstream, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(module, "_ERROR_LIMIT", 1000)
        engine.play = answers(b"HTTP/1.1 500 Oh\r\n\r\n" + b"x" * 2000)
        with pytest.raises(UpstreamRefused):
            await client.open_stream("chat/completions", BODY, {})
        await engine.until_open(0)


class TestAStream:
    async def test_is_open(self, engine: Listener, client: Upstream):
        engine.play = answers(EVENTS)
        for opened in (client.open_stream, client.open_answer):
            async with await opened("chat/completions", BODY, {}) as answer:
                assert (answer.status, answer.content_type) == (200, "text/event-stream")
                assert await answer.read() == b"data: 1\n\n"
        assert len(engine.callers) == 1

    async def test_that_is_one_object(self, engine: Listener, client: Upstream):
        engine.play = answers(wire("chat_nonstream"))
        with pytest.raises(UpstreamBroken, match="one object"):
            await client.open_stream("chat/completions", BODY, {})
        async with await client.open_answer("chat/completions", BODY, {}) as answer:
            assert await answer.read() == recording("chat_nonstream").body

    async def test_that_nobody_reads_is_closed(self, engine: Listener, client: Upstream):
        engine.play = answers(EVENTS.removesuffix(b"0\r\n\r\n"))
        answer = await client.open_stream("chat/completions", BODY, {})
        assert len(engine.open) == 1
        answer.close()
        await engine.until_open(0)


class TestTryingAgain:
    async def test_what_the_engine_hung_up_on(self, engine: Listener, client: Upstream):
        engine.play = in_turn(Caller.hangs_up, Caller.resets, answers(EVENTS))
        async with await client.open_stream("chat/completions", BODY, {}) as answer:
            assert await answer.read() == b"data: 1\n\n"
        assert len(engine.requests) == 3

    async def test_so_often(self, engine: Listener, client: Upstream):
        engine.play = Caller.hangs_up
        with pytest.raises(UpstreamBroken):
            await client.open_stream("chat/completions", BODY, {})
        assert len(engine.requests) == 3

    async def test_but_not_what_has_begun(self, engine: Listener, client: Upstream):
        def half(caller: Caller) -> None:
            caller.says(wire("chat_nonstream")[:-9])
            caller.hangs_up()

        engine.play = half
        with pytest.raises(UpstreamCut):
            await client.post_json("chat/completions", BODY, {}, too_long="")
        assert len(engine.requests) == 1

    async def test_nobody_there(self):
        client = upstream(f"http://127.0.0.1:{free_port()}", retries=2)
        with pytest.raises(UpstreamAway):
            await client.open_stream("chat/completions", BODY, {})
        client.close()


class TestTheModels:
    @pytest.fixture(autouse=True)
    def _plain(self, engine: Listener):
        def play(caller: Caller) -> None:
            path = engine.requests[-1].split(b" ")[1]
            caller.says(wire("models" if path == b"/v1/models" else "err_404"))

        engine.play = play

    async def test_are_listed_and_the_routes_found_once(self, engine: Listener):
        client = upstream(f"http://127.0.0.1:{engine.port}", kind="openai")
        listed = [row["id"] for row in orjson.loads(recording("models").body)["data"]]
        for _ in range(3):
            assert [row.id for row in await client.models()] == listed
        assert targets(engine).count(b"GET /v1/models") == 3
        assert len(engine.requests) == 3 + len(module.TASK_ROUTES)
        assert len(engine.callers) == 1
        assert all(request.endswith(b"identity\r\n\r\n") for request in engine.requests)
        client.close()

    @pytest.mark.parametrize(("path", "known"), [(b"/v1/rerank", True), (b"/v1/embeddings", False)])
    async def test_a_gateway_without_anybody_for_one_route(
        self, engine: Listener, path: bytes, known: bool
    ):
        """It takes no engine away if the route only tells what a model can not do."""

        def play(caller: Caller) -> None:
            asked = engine.requests[-1].split(b" ")[1]
            away = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
            listed = wire("models" if asked == b"/v1/models" else "err_404")
            caller.says(away if asked == path else listed)

        engine.play = play
        client = upstream(f"http://127.0.0.1:{engine.port}", kind="openai")
        if known:
            assert await client.models()
        else:
            with pytest.raises(UpstreamRefused):
                await client.models()
        client.close()

    async def test_have_to_come_soon(
        self, engine: Listener, client: Upstream, monkeypatch: pytest.MonkeyPatch
    ):
        assert client._probing.first_byte == module.PROBE_SECONDS
        monkeypatch.setattr(client, "_probing", Timeouts(connect=1, first_byte=0.05, idle=9))
        engine.play = silent
        with pytest.raises(UpstreamSilent):
            await client.models()
        await engine.until_open(0)
