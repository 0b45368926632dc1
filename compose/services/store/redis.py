"""The store in Redis 8, by its Query Engine: for who runs a Redis already, as OPEA's users do.

A document is written passage by passage, hidden; one step makes it seen and hides the one that it
replaces, whose passages are then removed. So half a document is never found, and no step holds the
server up for longer than some passages take. What a writer that is gone has left is removed by the
next one, once its lease is over.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any

import redis.asyncio as driver

from services.errors import ConfigError, NotYet
from services.store import redis_connection as connection
from services.store import redis_passages as convert
from services.store import redis_records as records
from services.store import redis_schema as schema
from services.store import redis_scripts as scripts
from services.store.faults import StoreFault
from services.store.model import (
    Document,
    Filters,
    Index,
    Model,
    NewPassage,
    Passage,
    Scored,
    Vectors,
    checked_name,
    require_same,
)
from services.store.password_file import read_password, without_password_file

_log = logging.getLogger("services")
_ROWS_AT_ONCE = 50
"""Passages in one step: while they are indexed, the server does nothing else."""
_KEYS_AT_ONCE = 200
_SEARCH_MS = 10_000
"""The engine's own patience is half a second, and it then tells of what it found so far."""
_LEASE_MS = 60_000
"""Between two steps of a writer; then it counts as gone."""
_TRIES = 3
"""Of a document whose index is dropped while it is written."""


class RedisStore:
    def __init__(self, url: str) -> None:
        """`password_file=PATH` in the URL's query: the password is what that file holds."""
        self._url, self._password_file = without_password_file(url)
        self._redis: Any = None

    async def open(self) -> None:
        """Raises NotYet while the server can't be reached, ConfigError where that can't help."""
        if told := schema.unfit_address(self._url):
            raise ConfigError(f"STORE_URL: {told}")
        try:
            pool = connection.pool(self._url, read_password(self._password_file))
            self._redis = driver.Redis.from_pool(pool)
            database = self._redis.get_connection_kwargs().get("db") or 0
            info = await self._redis.info()
            if told := schema.unfit(info, database):
                raise ConfigError(f"STORE_URL: {told}")
            await self._redis.execute_command("FT._LIST")
            version = await self._redis.get("rag:version") or await self._begun()
        except (TypeError, ValueError) as error:
            raise ConfigError(f"STORE_URL: {error}") from None
        except connection.FAILURES as error:
            if connection.passes(error):
                raise NotYet(f"STORE_URL: Redis can't be used yet: {error}") from None
            if "unknown command" in str(error):
                raise ConfigError("STORE_URL: this Redis has no Query Engine") from None
            raise ConfigError(f"STORE_URL: {error}") from None
        if version.decode() != schema.VERSION:
            raise ConfigError(f"STORE_URL: made by another version ({version.decode()})")
        if told := schema.caveat(info):
            _log.warning("STORE_URL: %s", told)
        if info["role"] == "master":
            await self._sweep()

    async def _begun(self) -> bytes:
        """The version of a store that had none. Without memory, and of a replica, it has none."""
        await self._redis.set("rag:version", schema.VERSION, nx=True)
        version: bytes = await self._redis.get("rag:version")
        return version

    async def close(self) -> None:
        if self._redis is not None:
            await self._redis.aclose(close_connection_pool=True)

    async def indexes(self) -> list[Index]:
        async with self._answering() as redis:
            rows = await redis.hgetall("rag:indexes")
        return sorted(
            (records.index_of(*row) for row in rows.items()), key=lambda index: index.name
        )

    async def index(self, name: str) -> Index | None:
        async with self._answering() as redis:
            made = await redis.hget("rag:indexes", name)
        return None if made is None else records.index_of(name.encode(), made)

    async def documents(self, index: str) -> list[Document]:
        async with self._answering() as redis:
            made = await redis.hget("rag:indexes", index)
            rows = await redis.hgetall(records.documents_of(made)) if made else {}
        return sorted((records.document_of(*row) for row in rows.items()), key=lambda one: one.name)

    async def document(self, index: str, name: str) -> Document | None:
        named = convert.stored(name)
        async with self._answering() as redis:
            made = await redis.hget("rag:indexes", index)
            row = await redis.hget(records.documents_of(made), named) if made else None
        return None if row is None else records.document_of(named, row)

    async def put(
        self,
        index: str,
        model: Model,
        document: Document,
        passages: Sequence[NewPassage],
        vectors: Vectors,
    ) -> None:
        assert len(passages) == len(vectors)
        checked_name(index)
        await self._sweep()
        for _ in range(_TRIES):
            if await self._put(index, model, document, passages, vectors):
                return
        raise StoreFault(f"the store: the index {index} is dropped again and again")

    async def _put(
        self,
        index: str,
        model: Model,
        document: Document,
        passages: Sequence[NewPassage],
        vectors: Vectors,
    ) -> bool:
        """Whether it is there now: the index may have been dropped meanwhile."""
        made, written = await self._run(
            *(scripts.BEGIN, index, records.told_model(model), len(passages), _LEASE_MS),
            *schema.columns(model.dimension),
        )
        require_same(index, records.index_of(index.encode(), made).model, model)
        _, number, count = records.numbers_of(written)
        try:
            if not await self._stage(written, number, document, passages, vectors):
                return False
            replaced = await self._run(
                *(scripts.COMMIT, written, index, convert.stored(document.name)),
                records.told_document(number, count, document),
            )
        except BaseException:
            with contextlib.suppress(StoreFault):  # the next writer's task, then
                await self._give_up(written)
            raise
        if replaced == 0:
            await self._give_up(written)
            return False
        with contextlib.suppress(StoreFault):  # it is stored; what is left nobody sees
            await self._remove(replaced)
        return True

    async def delete(self, index: str, name: str) -> bool:
        # The answer of the step itself may be lost, and a second one is that there is nothing.
        was = await self.document(index, name) is not None
        deleted = await self._run(scripts.DELETE, index, convert.stored(name))
        with contextlib.suppress(StoreFault):
            await self._remove(deleted)
        return was or bool(deleted)

    async def drop(self, index: str) -> bool:
        was = await self.index(index) is not None
        dropped = await self._run(scripts.DROP, index)
        with contextlib.suppress(StoreFault):
            await self._sweep()
        return was or bool(dropped)

    async def vectors_of(self, index: str, keys: Collection[str]) -> dict[str, Vectors]:
        found: dict[str, Vectors] = {}
        marks = [convert.mark(key) for key in keys]
        for first in range(0, len(marks), _KEYS_AT_ONCE):
            query = convert.any_tag("mark", marks[first : first + _KEYS_AT_ONCE])
            rows = await self._run(scripts.BY_MARK, index, query, _SEARCH_MS)
            found |= {key.decode(): convert.vector_of(vector) for key, vector in rows}
        return found

    async def lexical(
        self, index: str, text: str, limit: int, filters: Filters | None = None
    ) -> list[Scored]:
        words = convert.asked_words(text)
        if not words or limit < 1:
            return []
        among = convert.uncounted(convert.among(filters))
        _, *found = await self._run(scripts.LEXICAL, index, among, limit, _SEARCH_MS, *words)
        pairs = zip(found[::2], found[1::2], strict=True)
        return [Scored(convert.id_of(key), float(score)) for key, score in pairs]

    async def dense(
        self, index: str, vector: Vectors, limit: int, filters: Filters | None = None
    ) -> list[Scored]:
        if limit < 1:
            return []
        [asked] = convert.halves(vector[None])
        _, *found = await self._run(
            scripts.DENSE, index, convert.among(filters), limit, _SEARCH_MS, asked
        )
        pairs = zip(found[::2], found[1::2], strict=True)
        return [Scored(convert.id_of(key), 1 - float(far)) for key, (_, far) in pairs]

    async def passages(self, ids: Sequence[int]) -> list[Passage]:
        rows = await self._run(scripts.PASSAGES, *ids)
        return [convert.passage_of(row) for row in rows]

    async def vectors(self, index: str, ids: Sequence[int]) -> dict[int, Vectors]:
        async with self._answering() as redis:
            made = await redis.hget("rag:indexes", index)
            if made is None:
                return {}
            async with redis.pipeline(transaction=False) as asked:
                for id in ids:
                    asked.hget(f"rag:passage:{records.number_of(made)}:{id}", "vector")
                rows = await asked.execute()
        found = zip(ids, rows, strict=True)
        return {id: convert.vector_of(row) for id, row in found if row is not None}

    async def _stage(
        self,
        written: bytes,
        number: int,
        document: Document,
        passages: Sequence[NewPassage],
        vectors: Vectors,
    ) -> bool:
        """Writes its passages, seen by nobody. Whether the document is still ours to write."""
        tags = convert.tags_of(document)
        for first in range(0, len(passages), _ROWS_AT_ONCE):
            some = passages[first : first + _ROWS_AT_ONCE]
            stored = convert.halves(vectors[first : first + _ROWS_AT_ONCE])
            rows = [
                [*convert.row_of(number, id, document, tags, new), b"vector", vector]
                for id, (new, vector) in enumerate(
                    zip(some, stored, strict=True), number + 1 + first
                )
            ]
            values = chain.from_iterable(rows)
            if not await self._run(scripts.STAGE, written, _LEASE_MS, len(rows[0]), *values):
                return False
        return True

    async def _give_up(self, written: bytes) -> None:
        await self._run(scripts.GIVE_UP, written)
        await self._sweep()

    async def _sweep(self) -> None:
        for document in await self._run(scripts.CLAIM):
            await self._remove(document)

    async def _remove(self, document: bytes) -> None:
        """Its passages, some at a time, and then that it was there; of none: nothing."""
        if not document:
            return
        index, number, count = records.numbers_of(document)
        ids = range(number + 1, number + count + 1)
        async with self._answering() as redis:
            for first in range(0, count, _ROWS_AT_ONCE):
                some = ids[first : first + _ROWS_AT_ONCE]
                await redis.unlink(*(f"rag:passage:{index}:{id}" for id in some))
        await self._run(scripts.FORGET, document)

    async def _run(self, script: str, *values: Any) -> Any:
        async with self._answering() as redis:
            return await redis.register_script(script)(args=values)

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[Any]:
        try:
            yield self._redis
        except connection.FAILURES as error:
            raise connection.fault(error) from error
