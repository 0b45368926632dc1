"""A real engine that is killed while it answers, with phase 1 to stand in for it. Late, for it
takes a restart."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.support.engine import Engine
from tests.support.machine import PROMPTLY
from tests.support.ollama_standin import OllamaStandIn, chats
from tests.support.raw_http import Connection, Reply
from tests.support.serve import Adapter, serving

TURNS = [{"role": "user", "content": "tell me a long story"}]
CHAT = {"model": "llama3.2", "messages": TURNS}
LONG = CHAT | {"options": {"temperature": 0, "num_predict": 4000}}
SHORT = CHAT | {"options": {"temperature": 0, "num_predict": 5}}
SEEN = CHAT | {"messages": [{"role": "user", "content": "what is it?", "images": ["aGk="]}]}
STREAMS = 4
MODELS = {
    "llama3.2": {
        "upstream": "engine0",
        "served_name": "tiny-chat",
        "capabilities": ["completion", "tools"],
        "fallback": "phase1/llama3.2:3b",
        "vision": "llava:7b",
    }
}


@dataclass
class Stack:
    adapter: Adapter
    engine: Engine
    phase1: OllamaStandIn
    eyes: OllamaStandIn

    async def chat(self, body: dict, **how: float) -> Reply:
        return await self.adapter.post("/api/chat", body, **how)


@pytest.fixture
async def stack(engine: Engine) -> AsyncIterator[Stack]:
    async with (
        OllamaStandIn("llama3.2:3b") as phase1,
        OllamaStandIn("llava:7b") as eyes,
    ):
        eyes.shows["llava:7b"] = ["completion", "vision"]
        for ollama in (phase1, eyes):
            ollama.play("/api/chat", chats)
        ollamas = {"phase1": phase1.url, "vision": eyes.url}
        async with serving(engine.url, ollamas=ollamas, models=MODELS) as adapter:
            await adapter.until_ready()
            yield Stack(adapter, engine, phase1, eyes)


async def begun(adapter: Adapter) -> Connection:
    """A long answer, of which some has come."""
    connection = await Connection.open(adapter.url)
    await connection.send("POST", "/api/chat", json.dumps(LONG).encode())
    head = await connection.head()
    assert (head.status, head.headers["x-adapter-upstream"]) == (200, "engine0")
    assert "x-adapter-fallback" not in head.headers
    for _ in range(3):
        assert json.loads(await connection.chunk())["done"] is False
    return connection


async def ends_in_an_error(connection: Connection) -> None:
    async with asyncio.timeout(10):
        lines = []
        while chunk := await connection.chunk():
            lines.append(json.loads(chunk))
    assert list(lines[-1]) == ["error"]
    assert not any(line.get("done") for line in lines), "it looks finished"


def by(reply: Reply, upstream: str, fallback: str = "") -> None:
    assert reply.status == 200, reply.text
    assert reply.headers["x-adapter-upstream"] == upstream
    assert reply.headers.get("x-adapter-fallback", "") == fallback
    assert reply.lines[-1]["done"] is True
    assert {line["model"] for line in reply.lines} == {"llama3.2"}


async def images_are_seen(stack: Stack) -> None:
    before = len(stack.eyes.asked)
    by(await stack.chat(SEEN), "vision")
    assert [asked.json["model"] for asked in stack.eyes.asked[before:]] == ["llava:7b"]


async def test_phase_one_answers_while_the_engine_is_dead(stack: Stack):
    by(await stack.chat(SHORT), "engine0")
    await images_are_seen(stack)
    async with contextlib.AsyncExitStack() as opened:
        streams = [
            await opened.enter_async_context(await begun(stack.adapter)) for _ in range(STREAMS)
        ]
        await asyncio.to_thread(stack.engine.stop)  # SIGKILL for all its processes
        await asyncio.gather(*map(ends_in_an_error, streams))
    assert stack.phase1.asked == [], "what had begun was begun again"
    for reply in await asyncio.gather(*(stack.chat(SHORT, within=PROMPTLY) for _ in range(8))):
        by(reply, "phase1", "phase1")
    assert {asked.json["model"] for asked in stack.phase1.asked} == {"llama3.2:3b"}
    await images_are_seen(stack)
    labels = {"model": "llama3.2:latest", "upstream": "phase1"}
    assert await stack.adapter.metric("adapter_fallbacks_total", **labels) == 8

    await asyncio.to_thread(stack.engine.start)  # on the port that it had
    async with asyncio.timeout(5):
        while (await stack.chat(SHORT)).headers["x-adapter-upstream"] != "engine0":  # noqa: ASYNC110  # HTTP
            await asyncio.sleep(0.05)
    by(await stack.chat(SHORT), "engine0")
    await images_are_seen(stack)


async def test_vectors_are_of_the_engine_that_makes_them(embedding_engine: Engine, stack: Stack):
    """An engine for each task, beside the real Ollamas."""
    ollamas = {"phase1": stack.phase1.url}
    routing = {"embedding": "tiny-bert-embed"}
    engines = (stack.engine.url, embedding_engine.url)
    async with serving(*engines, ollamas=ollamas, models=MODELS, routing=routing) as adapter:
        await adapter.until_ready()
        reply = await adapter.post("/api/embed", {"model": "llama3.2", "input": "a"})
        assert (reply.status, reply.headers["x-adapter-upstream"]) == (200, "engine1")
        assert "x-adapter-fallback" not in reply.headers
        [vector] = reply.json["embeddings"]
        assert len(vector) > 1
