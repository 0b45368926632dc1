"""Which model is meant when nobody said, asked of a real adapter before engines on sockets."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from services.engines.http import Http
from services.engines.models import first_able
from services.errors import EngineAway, NotConfigured
from services.settings import Settings

from adapter.server.app import make_app
from adapter.server.run import start
from adapter.settings import Settings as AdapterSettings
from tests.services.house import until_ready
from tests.support import machine
from tests.support.ollama_standin import Asked, OllamaStandIn
from tests.support.raw_http import get
from tests.support.scripted_vllm import ScriptedVLLM

WANTED = ("completion", "LLM_MODEL_ID", "chatqna")


async def shown(request: web.Request, asked: Asked) -> web.StreamResponse:
    return web.json_response({"capabilities": ["completion", "vision"]})


@contextlib.asynccontextmanager
async def adapter_of(*engines: dict[str, Any]) -> AsyncIterator[str]:
    server = {"port": machine.free_port(), "state_dir": machine.fresh_state_dir()}
    settings = AdapterSettings.model_validate({"upstreams": list(engines), "server": server})
    runner, _ = await start(make_app(settings), settings)
    yield f"http://127.0.0.1:{server['port']}"
    await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    opened = Http(Settings())
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def vision() -> AsyncIterator[dict[str, Any]]:
    """An Ollama whose one model chats and sees."""
    async with OllamaStandIn("llava:7b") as ollama:
        ollama.play("/api/show", shown)
        yield {"name": "vision", "kind": "ollama", "url": ollama.url}


async def test_a_model_for_language_comes_before_one_that_sees(
    http: Http, scripted: ScriptedVLLM, vision: dict[str, Any]
):
    async with adapter_of(vision, {"name": "llm", "url": scripted.url}) as adapter:
        await until_ready(adapter)
        assert await first_able(http, adapter, *WANTED) == "tiny-chat:latest"


async def test_while_an_engine_loads_its_model_one_that_sees_does_not_stand_in(
    http: Http, vision: dict[str, Any]
):
    loading = {"name": "llm", "url": f"http://127.0.0.1:{machine.free_port()}"}
    async with adapter_of(loading, vision) as adapter:
        while (await get(adapter, "/ready")).status != 200:
            pass
        with pytest.raises(EngineAway, match="llm is not there, or still loading"):
            await first_able(http, adapter, *WANTED)


async def test_a_model_that_sees_is_better_than_none(http: Http, vision: dict[str, Any]):
    async with adapter_of(vision) as adapter:
        await until_ready(adapter)
        assert await first_able(http, adapter, *WANTED) == "llava:7b"
        with pytest.raises(NotConfigured, match="set EMBEDDING_MODEL_ID"):
            await first_able(http, adapter, "embedding", "EMBEDDING_MODEL_ID", "chatqna")


async def test_a_server_that_tells_nothing_of_engines_has_them_all(http: Http):
    async with OllamaStandIn("llava:7b") as ollama:
        ollama.play("/api/show", shown)
        assert await first_able(http, ollama.url, *WANTED) == "llava:7b"


async def test_a_server_that_tells_no_abilities_means_the_only_model_it_has(
    http: Http, scripted: ScriptedVLLM
):
    assert await first_able(http, scripted.url, *WANTED) == "tiny-chat"
    scripted.models = ("tiny-chat", "other")
    with pytest.raises(NotConfigured, match="set LLM_MODEL_ID"):
        await first_able(http, scripted.url, *WANTED)
    scripted.models = ("chatqna:latest",)
    with pytest.raises(NotConfigured, match="set LLM_MODEL_ID"):
        await first_able(http, scripted.url, *WANTED)


async def test_a_model_that_has_gone_since_it_was_listed_is_passed_over(http: Http):
    async with OllamaStandIn("gone:1b", "llama:7b") as ollama:

        async def shown_but_one(request: web.Request, asked: Asked) -> web.StreamResponse:
            if asked.json["model"] == "gone:1b":
                return web.json_response({"error": "model 'gone:1b' not found"}, status=404)
            return web.json_response({"capabilities": ["completion"]})

        ollama.play("/api/show", shown_but_one)
        assert await first_able(http, ollama.url, *WANTED) == "llama:7b"


async def test_a_server_that_lists_models_and_shows_none(http: Http):
    async with OllamaStandIn("llama:7b") as ollama:

        async def one(request: web.Request, asked: Asked) -> web.StreamResponse:
            return web.json_response({"data": [{"id": "llama:7b"}]})

        async def none(request: web.Request, asked: Asked) -> web.StreamResponse:
            return web.json_response({}, status=404)

        ollama.play("/api/show", none)
        ollama.play("/v1/models", one, method="GET")
        assert await first_able(http, ollama.url, *WANTED) == "llama:7b"


@pytest.mark.parametrize("own", ["docs", "docs:latest", "Docs"])
async def test_the_pipeline_is_never_its_own_model(http: Http, own: str):
    async with OllamaStandIn("docs:latest", "llama:7b") as ollama:

        async def able(request: web.Request, asked: Asked) -> web.StreamResponse:
            return web.json_response({"capabilities": ["completion"]})

        ollama.play("/api/show", able)
        assert await first_able(http, ollama.url, *WANTED[:2], own) == "llama:7b"
