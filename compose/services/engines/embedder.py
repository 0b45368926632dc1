"""What makes vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, Protocol

import numpy as np

from services.engines.http import Http, Origin
from services.engines.models import ModelName, first_able
from services.errors import EngineError
from services.settings import Settings
from services.store.model import Model, Vectors

Kind = Literal["query", "passage"]


class Embedder(Protocol):
    async def model_id(self) -> str: ...

    async def raw(self, texts: Sequence[str], origin: Origin | None = None) -> Vectors:
        """A vector for each text, as it stands; of length 1."""


class Embedding:
    """An embedder with the prefixes that its model was trained with."""

    def __init__(self, embedder: Embedder, settings: Settings) -> None:
        self._embedder = embedder
        self._prefixes = {"query": settings.query_prefix, "passage": settings.passage_prefix}
        self._settings = settings

    async def query(self, text: str, origin: Origin) -> Vectors:
        [vector] = await self._embedder.raw([self._prefixes["query"] + text], origin)
        return np.asarray(vector)

    async def passages(self, texts: Sequence[str]) -> Vectors:
        """In batches, some at a time. All of them, or an error."""
        size = self._settings.embedding_batch
        marked = [self._prefixes["passage"] + text for text in texts]
        batches = [marked[at : at + size] for at in range(0, len(marked), size)]
        free = asyncio.Semaphore(self._settings.embedding_parallel)

        async def one(batch: list[str]) -> Vectors:
            async with free:
                return await self._embedder.raw(batch)

        parts = await gathered([one(batch) for batch in batches])
        if len({part.shape[1] for part in parts}) > 1:
            raise EngineError("the embedding model made vectors of different dimensions")
        return np.concatenate(parts)

    async def plain(self, texts: Sequence[str], origin: Origin) -> Vectors:
        """Without a prefix: what the embedding role is asked for."""
        return await self._embedder.raw(texts, origin)

    async def model(self, dimension: int) -> Model:
        return Model(
            (await self.model_id()).removesuffix(":latest"),
            dimension,
            self._prefixes["query"],
            self._prefixes["passage"],
        )

    async def model_id(self) -> str:
        return await self._embedder.model_id()


async def gathered(coroutines: Sequence[Any]) -> list[Any]:
    """As asyncio.gather, but the first failure ends the others, and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in coroutines]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


class HttpEmbedder:
    """OpenAI's /v1/embeddings or TEI's /embed."""

    def __init__(self, http: Http, settings: Settings) -> None:
        self._http = http
        self._settings = settings
        self._url = settings.asked_at("embedding")
        wanted = ("embedding", "EMBEDDING_MODEL_ID", settings.model_name)
        adapters = partial(first_able, http, self._url, *wanted)
        tei = settings.embedding_kind == "tei"
        self._name = ModelName(settings.embedding_model, self._told_by_tei if tei else adapters)

    async def model_id(self) -> str:
        return await self._name.get()

    async def _told_by_tei(self) -> str:
        try:
            return str((await self._http.get(f"{self._url}/info"))["model_id"])
        except (LookupError, TypeError):
            raise EngineError(f"{self._url}/info tells no model") from None

    async def raw(self, texts: Sequence[str], origin: Origin | None = None) -> Vectors:
        try:
            if self._settings.embedding_kind == "tei":
                body: dict[str, Any] = {"inputs": list(texts), "truncate": True}
                rows = await self._http.post(f"{self._url}/embed", body, origin)
            else:
                body = {"model": await self.model_id(), "input": list(texts)}
                reply = await self._http.post(f"{self._url}/v1/embeddings", body, origin)
                data = sorted(reply["data"], key=lambda row: row["index"])
                rows = [row["embedding"] for row in data]
            return normalised(np.array(rows, np.float32), len(texts))
        except (LookupError, TypeError, ValueError):
            raise EngineError("the embedding model sent malformed vectors") from None


def normalised(rows: Vectors, count: int) -> Vectors:
    """To length 1.

    Raises:
        EngineError: a vector is missing, not a number, or zero: it would be found by nothing.
    """
    if rows.ndim != 2 or len(rows) != count or not rows.shape[1]:
        raise EngineError("the embedding model did not make a vector for each text")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise EngineError("the embedding model made a vector without a direction")
    scaled: Vectors = (rows / lengths).astype(np.float32)
    return scaled
