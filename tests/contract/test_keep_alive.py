"""Loading, unloading, and what /api/ps shows of it. The engine is not bothered with any."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.support import plays
from tests.support.serve import serving

CHAT = {"model": "tiny-chat", "messages": [{"role": "user", "content": "hi"}], "stream": False}
LOAD = {"model": "tiny-chat"}


async def listed(adapter) -> dict:
    return {model["name"]: model for model in (await adapter.get("/api/ps")).json["models"]}


async def lasts(adapter) -> timedelta:
    """How long the model is still said to stay."""
    expires = (await listed(adapter))["tiny-chat:latest"]["expires_at"]
    return datetime.fromisoformat(expires) - datetime.now(UTC)


@pytest.mark.parametrize(
    ("path", "empty"), [("/api/chat", {"messages": []}), ("/api/generate", {"prompt": ""})]
)
@pytest.mark.parametrize("stream", [True, False, None])
async def test_load_and_unload_are_answered_without_the_engine(
    scripted, adapter, path, empty, stream
):
    for keep_alive, reason in ((None, "load"), (0, "unload"), ("5m", "load"), ("0s", "unload")):
        body = LOAD | empty | {"stream": stream, "keep_alive": keep_alive}
        reply = await adapter.post(path, body)
        assert reply.status == 200
        assert reply.headers["content-type"].startswith("application/json")
        answer = "message" if path == "/api/chat" else "response"
        assert list(reply.json) == ["model", "created_at", answer, "done", "done_reason"]
        assert reply.json["done_reason"] == reason
        assert ("tiny-chat:latest" in await listed(adapter)) is (reason == "load")
    assert scripted.seen == []


@pytest.mark.parametrize(
    ("keep_alive", "seconds"),
    [("10m", 600), (600, 600), (90.5, 90.5), ("1h30m", 5400), ("1500ms", 1.5)],
)
async def test_keep_alive_is_a_time(adapter, keep_alive, seconds):
    await adapter.post("/api/generate", LOAD | {"keep_alive": keep_alive})
    assert abs((await lasts(adapter)).total_seconds() - seconds) < 5


@pytest.mark.parametrize("keep_alive", [-1, -1.0, "-1s"])
async def test_below_zero_is_for_ever(adapter, keep_alive):
    assert (await adapter.post("/api/chat", CHAT | {"keep_alive": keep_alive})).status == 200
    assert (await lasts(adapter)) > timedelta(days=365 * 100)


async def test_an_answer_starts_the_time_anew(adapter):
    await adapter.post("/api/generate", LOAD | {"keep_alive": "1m"})
    await adapter.post("/api/chat", CHAT | {"keep_alive": "2h"})
    assert (await lasts(adapter)) > timedelta(minutes=110)


async def test_zero_with_a_prompt_unloads_after_the_answer(scripted, adapter):
    reply = await adapter.post("/api/chat", CHAT | {"keep_alive": 0})
    assert reply.json["message"]["content"] == "Hello <b>"
    assert await listed(adapter) == {}
    assert len(scripted.seen) == 1


async def test_an_unloaded_model_answers_all_the_same(adapter):
    await adapter.post("/api/generate", LOAD | {"keep_alive": 0})
    assert (await adapter.post("/api/chat", CHAT)).status == 200
    assert "tiny-chat:latest" in await listed(adapter)


async def test_the_default_comes_from_the_settings(scripted):
    async with serving(scripted.url, keep_alive="30m") as adapter:
        await adapter.post("/api/chat", CHAT)
        assert abs((await lasts(adapter)).total_seconds() - 1800) < 5


async def test_embedding_keeps_alive_too(embedder):
    await embedder.post("/api/embed", {"model": "tiny-embed", "input": "a", "keep_alive": "1h"})
    assert "tiny-embed:latest" in await listed(embedder)
    await embedder.post("/api/embed", {"model": "tiny-embed", "input": "a", "keep_alive": 0})
    assert await listed(embedder) == {}


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate", "/api/embed", "/api/embeddings"])
@pytest.mark.parametrize(
    ("keep_alive", "error"),
    [
        ("-1", 'time: missing unit in duration "-1"'),
        ("5x", 'time: unknown unit "x" in duration "5x"'),
        ("", 'time: invalid duration ""'),
        (True, "Unsupported type: 'bool'"),
    ],
)
async def test_what_is_no_duration_is_told_in_ollamas_words(adapter, path, keep_alive, error):
    reply = await adapter.post(path, LOAD | {"keep_alive": keep_alive})
    assert (reply.status, reply.json) == (400, {"error": error})


async def test_a_model_stays_while_it_is_used_and_its_time_begins_after_that(scripted, adapter):
    scripted.play = plays.slow("chat_stream_usage", 0.05)
    asking = asyncio.ensure_future(adapter.post("/api/chat", CHAT | {"keep_alive": 0}))
    await scripted.until(lambda: scripted.in_flight == 1)
    assert "tiny-chat:latest" in await listed(adapter)
    assert (await asking).status == 200
    assert await listed(adapter) == {}


async def test_a_request_that_was_not_served_keeps_nothing(scripted, adapter):
    await adapter.post("/api/chat", CHAT | {"keep_alive": "5m"})
    scripted.play = plays.refuse(400, {"error": {"message": "no"}})
    assert (await adapter.post("/api/chat", CHAT | {"keep_alive": 0})).status == 400
    assert "tiny-chat:latest" in await listed(adapter)
