"""Fixtures for the tests that speak over sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest

from tests.support.engine import CHAT_FLAGS, Engine
from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import Adapter, serving
from tests.support.words import words

ENGINE_TIMEOUT = 400
"""Seconds for a test that starts the real engine, which has a busy machine to share."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("vllm") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(ENGINE_TIMEOUT))


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loops that a module wants its tests to run on, by its LOOPS; else asyncio's."""
    module = getattr(item, "module", None)
    return getattr(module, "LOOPS", {"asyncio": asyncio.new_event_loop})


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedVLLM]:
    """A stand-in for vLLM with the chat model `tiny-chat`; set `play` to what it shall do."""
    server = ScriptedVLLM(words)
    await server.up()
    yield server
    await server.down()


@pytest.fixture
async def scripted_embedder() -> AsyncIterator[ScriptedVLLM]:
    """A stand-in for vLLM with the embedding model `tiny-embed`."""
    server = ScriptedVLLM(
        words,
        models=("tiny-embed",),
        task="embed",
        max_model_len=256,
        root="models/tiny-bert-embed",
    )
    await server.up()
    yield server
    await server.down()


@pytest.fixture
async def adapter(scripted: ScriptedVLLM) -> AsyncIterator[Adapter]:
    """The adapter before `scripted`."""
    async with serving(scripted.url) as running:
        await running.until_ready()
        yield running


@pytest.fixture
async def embedder(scripted_embedder: ScriptedVLLM) -> AsyncIterator[Adapter]:
    """The adapter before `scripted_embedder`."""
    async with serving(scripted_embedder.url) as running:
        await running.until_ready()
        yield running


@pytest.fixture
def engine(chat_engine: Engine) -> Engine:
    """A real vLLM with a tiny chat model, healthy whatever an earlier test did to it."""
    if not chat_engine.healthy():
        chat_engine.restart()
    return chat_engine


@pytest.fixture(scope="session")
def chat_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The one behind `engine`. Its processes are gone when the tests are over."""
    running = Engine("tiny-chat", CHAT_FLAGS, tmp_path_factory.mktemp("engine") / "chat.log")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def embedding_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A real vLLM with a tiny embedding model."""
    running = Engine("tiny-bert-embed", [], tmp_path_factory.mktemp("engine") / "embed.log")
    running.start()
    yield running
    running.stop()
