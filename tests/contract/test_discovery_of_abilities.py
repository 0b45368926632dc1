"""What a model can do is found out by asking its engine, and shown by every list alike."""

import asyncio
import contextlib
import itertools
import time

import pytest
from aiohttp import web

from tests.support.machine import PROMPTLY
from tests.support.recordings import recording
from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import Adapter, serving
from tests.support.words import words

CHAT = {"model": "tiny-chat", "messages": [{"role": "user", "content": "hi"}], "stream": False}
ALL = ("tools", "thinking", "vision")
COMBINATIONS = [
    frozenset(chosen) for count in range(4) for chosen in itertools.combinations(ALL, count)
]
TOOL = {"type": "function", "function": {"name": "f"}}


@contextlib.asynccontextmanager
async def engine(kind: type[ScriptedVLLM] = ScriptedVLLM, **how: object):
    server = kind(words, **how)
    await server.up()
    yield server
    await server.down()


async def listed(adapter: Adapter) -> list[list[str]]:
    """What each model can do, which /api/tags and /api/show tell alike."""
    found = []
    for model in (await adapter.get("/api/tags")).json["models"]:
        shown = (await adapter.post("/api/show", {"model": model["name"]})).json
        assert shown["capabilities"] == model["capabilities"]
        found.append(model["capabilities"])
    return found


async def until_listed(adapter: Adapter, expected: list[list[str]]) -> None:
    async with asyncio.timeout(5):
        while True:
            models = (await adapter.get("/api/tags")).json["models"]
            if [model["capabilities"] for model in models] == expected:
                break
            await asyncio.sleep(0.02)
    assert await listed(adapter) == expected


@pytest.mark.parametrize("abilities", COMBINATIONS, ids=lambda chosen: "+".join(sorted(chosen)))
async def test_every_combination(abilities: frozenset[str]):
    async with engine(abilities=abilities) as server, serving(server.url) as adapter:
        await adapter.until_ready()
        [can] = await listed(adapter)
        assert (can[0], set(can)) == ("completion", {"completion", *abilities})
        tools = await adapter.post("/api/chat", CHAT | {"tools": [TOOL]})
        assert tools.status == (200 if "tools" in abilities else 400)
        think = await adapter.post("/api/chat", CHAT | {"think": True})
        assert think.status == (200 if "thinking" in abilities else 400)
    assert server.seen or not abilities & {"tools", "thinking"}, "questions are no requests"


async def test_it_is_asked_once(monkeypatch):
    monkeypatch.setattr("adapter.upstream.health.UP_INTERVAL", 0.02)
    async with (
        engine(abilities=frozenset({"tools"}), models=("a", "b", "c")) as server,
        serving(server.url) as adapter,
    ):
        await adapter.until_ready()
        await asyncio.sleep(0.3)
        assert await listed(adapter) == [["completion", "tools"]] * 3
    questions = [line for line in server.asked if line.endswith("/v1/chat/completions")]
    assert len([line for line in questions if line.startswith("POST")]) <= 3, server.asked


async def test_what_is_configured_is_not_asked():
    models = {"tiny-chat": {"upstream": "engine0", "capabilities": ["completion"]}}
    async with (
        engine(abilities=frozenset(ALL)) as server,
        serving(server.url, models=models) as adapter,
    ):
        await adapter.until_ready()
        assert await listed(adapter) == [["completion"]]
    assert not [line for line in server.asked if line.startswith("POST")]


async def test_an_embedding_engine_is_not_asked():
    async with (
        engine(task="embed", models=("tiny-embed",), abilities=frozenset(ALL)) as server,
        serving(server.url) as adapter,
    ):
        await adapter.until_ready()
        assert await listed(adapter) == [["embedding"]]
    assert not [line for line in server.asked if line.startswith("POST")]


ASSUMED = ["completion", "tools", "thinking"]
"""What a model counts as able to do until it is known."""


class Hanging(ScriptedVLLM):
    """Does not answer the questions while `hangs`."""

    hangs = True
    questions = 0

    async def _tell_ability(self, http):
        self.questions += 1
        while self.hangs:  # noqa: ASYNC110  # a flag that outlives the event loop's objects
            await asyncio.sleep(0.02)
        return await super()._tell_ability(http)


@pytest.mark.parametrize("models", [("tiny-chat",), ("tiny-chat", "b", "c", "d", "e")])
async def test_an_engine_that_hangs_at_the_question(monkeypatch, models):
    monkeypatch.setattr("adapter.upstream.health.UP_INTERVAL", 0.05)
    how = {"abilities": frozenset({"tools"}), "models": models}
    async with engine(Hanging, **how) as server, serving(server.url) as adapter:
        began = time.monotonic()
        tags = await adapter.get("/api/tags")
        took = time.monotonic() - began
        await adapter.until_ready(within=PROMPTLY)
        assert (await adapter.post("/api/chat", CHAT)).status == 200
        assert await listed(adapter) == [ASSUMED] * len(models)
        assert took < PROMPTLY, tags.text
        # None is refused meanwhile: the engine has the last word.
        assert (await adapter.post("/api/chat", CHAT | {"tools": [TOOL]})).status == 200
        server.hangs = False
        await until_listed(adapter, [["completion", "tools"]] * len(models))
        assert server.questions <= 3


class Busy(ScriptedVLLM):
    """Refuses the questions as an engine whose queue is full does, while `busy`."""

    busy = True

    async def _tell_ability(self, http):
        if self.busy:
            found = recording("err_queue_full")
            return web.Response(
                body=found.body, status=found.status, content_type="application/json"
            )
        return await super()._tell_ability(http)


async def test_a_full_queue_says_nothing_of_what_a_model_can_do(monkeypatch):
    monkeypatch.setattr("adapter.upstream.health.UP_INTERVAL", 0.05)
    how = {"abilities": frozenset({"tools"})}
    async with engine(Busy, **how) as server, serving(server.url) as adapter:
        await adapter.until_ready()
        assert await listed(adapter) == [ASSUMED]
        server.busy = False
        await until_listed(adapter, [["completion", "tools"]])


async def test_an_engine_that_comes_back_as_another(monkeypatch):
    monkeypatch.setattr("adapter.upstream.health.UP_INTERVAL", 0.05)
    monkeypatch.setattr("adapter.upstream.health.DOWN_INTERVAL", 0.05)
    async with (
        engine(abilities=frozenset({"tools", "thinking"})) as server,
        serving(server.url) as adapter,
    ):
        await adapter.until_ready()
        assert await listed(adapter) == [["completion", "tools", "thinking"]]
        await server.down()
        async with asyncio.timeout(5):
            while (await adapter.get("/ready")).status == 200:  # noqa: ASYNC110  # HTTP only
                await asyncio.sleep(0.02)
        server.abilities = frozenset({"vision"})
        await server.up()
        await adapter.until_ready()
        await until_listed(adapter, [["completion", "vision"]])
        reply = await adapter.post("/api/chat", CHAT | {"tools": [TOOL]})
        assert reply.json["error"].endswith("does not support tools")


async def test_the_question_leaves_no_trace_in_the_metrics():
    async with engine(abilities=frozenset(ALL)) as server, serving(server.url) as adapter:
        await adapter.until_ready()
        assert await adapter.metric("ollama_requests_total", path="/api/chat") == 0
