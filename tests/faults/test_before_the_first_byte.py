"""Failures while the status line is still to be written: a true status, soon, and never a hang."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator

import pytest

from adapter.translate.refusals import PROMPT_TOO_LONG
from tests.support import plays, words
from tests.support.machine import PROMPTLY
from tests.support.recordings import recording
from tests.support.serve import IMPATIENT, serving

TURNS = [{"role": "user", "content": "hi"}]
BODY = {"model": "tiny-chat", "messages": TURNS, "prompt": "hi"}
MODES = pytest.mark.parametrize("stream", [True, False])
PATHS = pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])


def is_error(reply, status: int) -> None:
    assert reply.status == status, reply.text
    assert reply.headers["content-type"].startswith("application/json")
    assert list(reply.json) == ["error"]
    assert reply.json["error"]
    assert ("retry-after" in reply.headers) is (status == 503)


@MODES
@PATHS
class TestTheEngineIsAway:
    async def test_since_the_adapter_started(self, scripted, path: str, stream: bool):
        await scripted.down()
        async with serving(scripted.url) as adapter:
            reply = await adapter.post(path, BODY | {"stream": stream}, within=PROMPTLY)
            is_error(reply, 503)

    async def test_since_a_moment_ago(self, scripted, adapter, path: str, stream: bool):
        assert (await adapter.post(path, BODY | {"stream": stream})).status == 200
        await scripted.down()
        for _ in range(3):
            is_error(await adapter.post(path, BODY | {"stream": stream}, within=PROMPTLY), 503)

    async def test_and_comes_back(self, scripted, adapter, path: str, stream: bool):
        await scripted.down()
        is_error(await adapter.post(path, BODY | {"stream": stream}, within=PROMPTLY), 503)
        await scripted.up()
        assert (await adapter.post(path, BODY | {"stream": stream}, within=PROMPTLY)).status == 200


async def test_the_adapter_is_up_before_its_engine(scripted):
    """Then it finds the models by itself."""
    await scripted.down()
    async with serving(scripted.url) as adapter:
        assert (await adapter.get("/health", within=PROMPTLY)).status == 200
        assert (await adapter.get("/", within=PROMPTLY)).text == "Ollama is running"
        assert (await adapter.get("/ready", within=PROMPTLY)).status == 503
        await scripted.up()
        assert (await adapter.post("/api/chat", BODY, within=PROMPTLY)).status == 200
        assert (await adapter.get("/ready")).status == 200


async def test_embeddings_while_the_engine_is_away(scripted_embedder, embedder):
    body = {"model": "tiny-embed", "input": "a", "prompt": "a"}
    assert (await embedder.post("/api/embed", body)).status == 200
    await scripted_embedder.down()
    for path in ("/api/embed", "/api/embeddings"):
        is_error(await embedder.post(path, body, within=PROMPTLY), 503)


async def test_an_engine_whose_machine_swallows_packets(scripted):
    """Connections are neither taken nor refused."""
    limits = {"connect": 0.3, "first_byte": 10, "idle": 10}
    async with serving(scripted.url, timeouts=limits) as adapter:
        assert (await adapter.post("/api/chat", BODY)).status == 200
        await scripted.down()
        with deaf_listener(scripted.port):
            is_error(await adapter.post("/api/chat", BODY, within=5), 503)
            is_error(await adapter.post("/api/chat", BODY, within=PROMPTLY), 503)


@contextlib.contextmanager
def deaf_listener(port: int) -> Iterator[None]:
    """A listener whose queue is full, so that the kernel drops further connections."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(0)
        for _ in range(4):
            plug = stack.enter_context(socket.socket())
            plug.setblocking(False)
            plug.connect_ex(("127.0.0.1", port))
        yield


@MODES
@PATHS
async def test_a_full_engine_is_a_503_with_retry_after(scripted, adapter, path, stream):
    scripted.play = plays.recorded("err_queue_full")
    is_error(await adapter.post(path, BODY | {"stream": stream}, within=PROMPTLY), 503)


@MODES
@PATHS
@pytest.mark.parametrize(
    ("play", "status"),
    [
        (plays.reset_before_headers, 502),
        (plays.close_before_headers, 502),
        (plays.garbage_instead_of_http, 502),
        (plays.refuse(502, {"detail": "Bad Gateway"}), 502),
        (plays.recorded("nonstream_engine_killed"), 500),
        (plays.refuse(429, {"error": {"message": "slow down"}}), 429),
    ],
    ids=["reset", "close", "garbage", "bad gateway", "engine killed", "too many"],
)
async def test_what_is_no_answer(scripted, adapter, path, stream, play, status):
    scripted.play = play
    reply = await adapter.post(path, BODY | {"stream": stream}, within=3)
    assert reply.status == status
    assert list(reply.json) == ["error"]
    scripted.play = words.words
    assert (await adapter.post(path, BODY | {"stream": stream}, within=3)).status == 200


@MODES
@pytest.mark.parametrize("play", [plays.a_web_page, plays.recorded("embed_single")])
async def test_a_page_that_is_no_stream(scripted, adapter, stream, play):
    """Status 200 says nothing; no `done` may come of it."""
    scripted.play = play
    reply = await adapter.post("/api/chat", BODY | {"stream": stream}, within=3)
    assert reply.status >= 500
    assert list(reply.json) == ["error"]


@MODES
@PATHS
async def test_silence_before_the_headers(scripted, path, stream):
    scripted.play = plays.hang_before_headers
    async with serving(scripted.url, timeouts=IMPATIENT) as adapter:
        reply = await adapter.post(path, BODY | {"stream": stream}, within=3)
        is_error(reply, 504)
        await scripted.until(lambda: scripted.in_flight == 0, within=PROMPTLY)


@MODES
@pytest.mark.parametrize(
    "play",
    [
        plays.hang_after("chat_stream_usage", 0),
        plays.comments_after("chat_stream_usage", 0, 0.05),
    ],
    ids=["nothing", "comments"],
)
async def test_silence_after_the_headers(scripted, stream, play):
    """The engine said 200, but no event came: the client still gets a true status."""
    scripted.play = play
    async with serving(scripted.url, timeouts=IMPATIENT) as adapter:
        is_error(await adapter.post("/api/chat", BODY | {"stream": stream}, within=3), 504)
        await scripted.until(lambda: scripted.in_flight == 0, within=PROMPTLY)


async def test_silence_of_an_embedding_engine(scripted_embedder):
    scripted_embedder.play = plays.hang_before_headers
    async with serving(scripted_embedder.url, timeouts=IMPATIENT) as adapter:
        body = {"model": "tiny-embed", "input": "a", "prompt": "a"}
        for path in ("/api/embed", "/api/embeddings"):
            is_error(await adapter.post(path, body, within=3), 504)


@MODES
async def test_a_long_wait_for_the_first_token_is_no_silence(scripted, stream):
    """The idle limit is for the time between events; before the first, `first_byte` counts."""
    recorded = plays.recorded("chat_stream_usage")

    async def play(stage):
        await asyncio.sleep(0.8)
        await recorded(stage)

    scripted.play = play
    limits = {"connect": 0.5, "first_byte": 5, "idle": 0.3}
    async with serving(scripted.url, timeouts=limits) as adapter:
        assert (await adapter.post("/api/chat", BODY | {"stream": stream})).status == 200


async def test_a_connection_that_broke_before_the_answer_is_tried_again(scripted, adapter):
    """The engine closed an idle connection just when we used it, or was being restarted."""
    scripted.play = plays.in_turn(plays.close_before_headers, words.words)
    reply = await adapter.post("/api/chat", BODY)
    assert reply.lines[-1]["done"] is True
    assert len(scripted.seen) == 2


@pytest.mark.parametrize("name", ["err_range_temp_big", "err_unknown_model", "err_context"])
async def test_a_refusal_is_not_tried_again(scripted, adapter, name: str):
    scripted.play = plays.recorded(name)
    await adapter.post("/api/chat", BODY)
    assert len(scripted.seen) == 1


async def test_many_clients_are_all_told_at_once(scripted, adapter):
    await scripted.down()
    began = time.monotonic()
    replies = await asyncio.gather(*(adapter.post("/api/chat", BODY, within=10) for _ in range(50)))
    assert {reply.status for reply in replies} == {503}
    assert time.monotonic() - began < 10


@MODES
class TestARefusal:
    async def test_in_pieces_is_read_to_its_end(self, scripted, adapter, stream: bool):
        body = recording("err_context").body
        scripted.play = plays.refuse_in_pieces(400, body, at=20)
        reply = await adapter.post("/api/chat", BODY | {"stream": stream})
        is_error(reply, 400)
        assert reply.json["error"] == PROMPT_TOO_LONG

    async def test_that_never_comes_is_not_waited_for(self, scripted, stream: bool):
        scripted.play = plays.refuse_in_pieces(500, b"x" * 100, at=0)
        limits = {"connect": 1, "first_byte": 0.5, "idle": 10}
        async with serving(scripted.url, timeouts=limits, max_queue=1) as adapter:
            for _ in range(2):  # the first has left its place in the queue
                is_error(await adapter.post("/api/chat", BODY | {"stream": stream}, within=5), 504)

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    async def test_to_answer_here_is_not_followed(
        self, scripted, scripted_embedder, adapter, status: int, stream: bool
    ):
        scripted.play = plays.redirect(status, f"{scripted_embedder.url}/v1/chat/completions")
        is_error(await adapter.post("/api/chat", BODY | {"stream": stream}), 502)
        assert scripted_embedder.bodies == []

    async def test_to_stream(self, scripted, adapter, stream: bool):
        scripted.play = plays.one_object
        is_error(await adapter.post("/api/chat", BODY | {"stream": stream}), 502)


async def test_late_headers_do_not_begin_the_wait_anew(scripted):
    scripted.play = plays.late_headers(2.5)
    async with serving(
        scripted.url, timeouts={"connect": 1, "first_byte": 3, "idle": 0.5}
    ) as adapter:
        began = time.monotonic()
        is_error(await adapter.post("/api/chat", BODY, within=10), 504)
        assert time.monotonic() - began < 5


async def test_embeddings_that_have_begun_are_not_asked_for_again(scripted_embedder, embedder):
    scripted_embedder.play = plays.half_an_answer("embed_single")
    is_error(await embedder.post("/api/embed", {"model": "tiny-embed", "input": "a"}), 502)
    assert len(scripted_embedder.bodies) == 1


async def test_a_wrong_key_is_not_a_matter_of_time(scripted):
    scripted.api_key = "right"
    async with serving(scripted.url) as adapter:
        reply = await adapter.post("/api/chat", BODY, within=PROMPTLY)
        is_error(reply, 502)
        assert "API key" in reply.json["error"]
