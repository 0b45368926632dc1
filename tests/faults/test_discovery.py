"""Engines that come, go and come back as others, without anybody asking for them."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import pytest

from tests.contract.managing import names
from tests.support.ollama_standin import OllamaStandIn
from tests.support.serve import Adapter, serving

SOON = 2.0
"""Seconds within which a restart is to be seen."""


async def seen(condition: Callable[[], Awaitable[bool]]) -> float:
    """Seconds until it is so, which must be soon."""
    began = time.monotonic()
    async with asyncio.timeout(SOON):
        while not await condition():  # noqa: ASYNC110  # seen over HTTP only
            await asyncio.sleep(0.02)
    return time.monotonic() - began


async def up(adapter: Adapter, upstream: str) -> bool:
    """By the metrics, which ask no engine."""
    return await adapter.metric("adapter_upstream_up", upstream=upstream) == 1


@pytest.mark.parametrize("kind", ["vllm", "ollama"])
async def test_a_restart_is_seen_within_two_seconds(scripted, caplog, kind: str):
    async with (
        OllamaStandIn("llava:7b") as ollama,
        serving(scripted.url, ollamas={"vision": ollama.url}) as adapter,
    ):
        await adapter.until_ready()
        engine, upstream = (scripted, "engine0") if kind == "vllm" else (ollama, "vision")
        with caplog.at_level(logging.INFO, "adapter"):
            await engine.down()
            await seen(lambda: _is(adapter, upstream, False))
            assert (await adapter.get("/ready")).json["upstreams"][upstream] is False
            await engine.up()
            await seen(lambda: _is(adapter, upstream, True))
        told = [line for line in caplog.messages if line.startswith(f"upstream={upstream} is")]
        assert told[0].startswith(f"upstream={upstream} is down: ")
        assert told[1] == f"upstream={upstream} is up"


async def _is(adapter: Adapter, upstream: str, wanted: bool) -> bool:
    return await up(adapter, upstream) is wanted


async def test_an_engine_that_comes_back_as_another(scripted, caplog):
    models = {"mine": {"upstream": "engine0", "served_name": "tiny-chat"}}
    scripted.models = ("tiny-chat", "b")
    async with serving(scripted.url, models=models) as adapter:
        await adapter.until_ready()
        assert set(await names(adapter)) == {"mine:latest", "b:latest"}
        await adapter.post("/api/generate", {"model": "mine"})
        await scripted.down()
        await seen(lambda: _is(adapter, "engine0", False))
        listed = await names(adapter)
        assert set(listed) == {"mine:latest", "b:latest"}, "they come back with their engine"
        assert (await adapter.get("/api/ps")).json == {"models": []}
        scripted.models = ("c",)
        with caplog.at_level(logging.WARNING, "adapter"):
            await scripted.up()

            async def shown() -> bool:
                return await names(adapter) == ["c:latest"]

            await seen(shown)
        assert (await adapter.get("/ready")).json["missing"] == ["mine:latest"]
        assert [m for m in caplog.messages if "no longer has" in m] == [
            "upstream=engine0 no longer has b",
            "upstream=engine0 no longer has tiny-chat",
        ]
        shown_models = (await adapter.get("/api/ps")).json["models"]
        assert "mine:latest" not in [row["name"] for row in shown_models]
        for model, is_up in (("mine:latest", 0), ("b:latest", 0), ("c:latest", 1)):
            labels = {"model": model, "upstream": "engine0"}
            assert await adapter.metric("adapter_model_up", **labels) == is_up
        for name in ("mine", "b"):
            for path in ("/api/chat", "/api/show", "/v1/chat/completions"):
                body = {"model": name, "messages": [{"role": "user", "content": "hi"}]}
                assert (await adapter.post(path, body)).status == 404
        scripted.models = ("tiny-chat",)

        async def back() -> bool:
            return await names(adapter) == ["mine:latest"]

        await seen(back)


async def test_a_model_that_ollama_gets_or_loses(caplog):
    async with (
        OllamaStandIn("a:latest") as ollama,
        serving(ollamas={"vision": ollama.url}) as adapter,
    ):
        await adapter.until_ready()
        ollama.models = [row | {"name": "b:1", "model": "b:1"} for row in ollama.models]

        async def shown() -> bool:
            return await names(adapter) == ["b:1"]

        await seen(shown)
