"""What the roles of a process share, opened and closed once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from services.engines.embedder import Embedder, Embedding, HttpEmbedder
from services.engines.http import Http
from services.engines.llm import LLM
from services.engines.reranker import Reranker
from services.errors import ConfigError, NotYet
from services.ingest.ingest import Ingestion
from services.kit.metrics import Metrics
from services.kit.traces import traces_to
from services.searching import LocalSearcher, RemoteSearcher, Searcher
from services.settings import STORES, Settings
from services.stages import Parts
from services.store.faults import StoreBusy, StoreFault
from services.store.model import Store
from services.store.sqlite import SQLiteStore


@dataclass(frozen=True)
class House:
    settings: Settings
    metrics: Metrics
    http: Http
    store: Store
    parts: Parts
    ingestion: Ingestion


HOUSE = web.AppKey("house", House)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[House]:
    metrics, http, store = Metrics(), Http(settings), store_at(settings.store)
    embedding = Embedding(embedder_for(http, settings), settings)
    searcher: Searcher
    if settings.retriever_url:
        searcher = RemoteSearcher(http, settings.retriever_url)
    else:
        searcher = LocalSearcher(store)
    reranker = Reranker(http, settings) if settings.rerank_model or tei_ranks(settings) else None
    traces = traces_to(settings.traces_url, settings.traces_name)
    parts = Parts(settings, metrics, embedding, searcher, reranker, LLM(http, settings), traces)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, traces.close)
        stack.push_async_callback(http.close)
        await http.open()
        if not settings.retriever_url:
            stack.push_async_callback(store.close)
            try:
                await store.open()
            except StoreBusy as error:
                raise NotYet(f"STORE_URL: {error}") from None
            except (StoreFault, OSError) as error:
                raise ConfigError(f"STORE_URL: {error}") from None
        ingestion = Ingestion(store, embedding, metrics, settings)
        stack.push_async_callback(ingestion.close)
        yield House(settings, metrics, http, store, parts, ingestion)


def store_at(url: str) -> Store:
    """The store of a STORE_URL.

    Raises:
        ConfigError: there is no such kind.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest:
        return SQLiteStore(rest.removeprefix("//"))
    if scheme in ("postgresql", "postgres"):
        from services.store.postgres import PostgresStore  # its driver is an extra

        return PostgresStore(url)
    if scheme in ("redis", "rediss"):
        from services.store.redis import RedisStore  # its driver is an extra

        return RedisStore(url)
    raise ConfigError(f"STORE_URL: {scheme!r} is no kind of store; there are {STORES}")


def embedder_for(http: Http, settings: Settings) -> Embedder:
    if settings.embedding_kind == "wordllama":
        from services.engines.wordllama import WordLlama  # for tests; not installed otherwise

        return WordLlama()
    return HttpEmbedder(http, settings)


def tei_ranks(settings: Settings) -> bool:
    """TEI's reranker has one model and needs no name."""
    return settings.rerank_kind == "tei" and bool(settings.reranker_url)
