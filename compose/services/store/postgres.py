"""The store in PostgreSQL with pgvector: for many writers, many machines, millions of passages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg  # type: ignore[import-untyped]

from services.errors import ConfigError, NotYet
from services.store import postgres_rows as convert
from services.store import postgres_schema as schema
from services.store import postgres_writing as writing
from services.store.faults import StoreBusy, StoreFault
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
)
from services.store.password_file import NO_ADDRESS, read_password, without_password_file
from services.store.postgres_writing import Connection
from services.store.terms import terms

_VECTOR = "vector_send(vector::vector)"
_MOST_EF = 1000
_CONNECTIONS, _WRITERS = 8, 4
_SECONDS = 30
"""For an answer of the database that a client waits for, and for a free connection."""
_LONG_SECONDS = 600
"""For what is written: it may wait for other writers."""
_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
_DOCUMENT = "name, digest, kind, size, metadata, passages, added"


class PostgresStore:
    def __init__(self, url: str) -> None:
        """`password_file=PATH` in the URL's query: the password is what that file holds."""
        self._url, self._password_file = without_password_file(url)
        self._pool: Any = None
        self._writers = asyncio.Semaphore(_WRITERS)

    async def open(self) -> None:
        """Raises NotYet while the server can't be reached, ConfigError where that can't help."""
        try:
            self._pool = await asyncpg.create_pool(
                self._url,
                password=read_password(self._password_file),
                min_size=1,
                max_size=_CONNECTIONS,
                command_timeout=_LONG_SECONDS,
            )
        except (OSError, asyncpg.PostgresError) as error:
            if passes(error):
                raise NotYet(f"STORE_URL: the database can't be used yet: {error}") from None
            raise ConfigError(f"STORE_URL: {error}") from None
        except ValueError:  # it tells a part of the password
            raise ConfigError(f"STORE_URL: {NO_ADDRESS}") from None
        async with self._transaction() as db:
            await db.execute(f"SELECT pg_advisory_xact_lock({schema.LOCK})")
            if await db.fetchval("SELECT to_regclass($1)", schema.LAST) is None:
                await db.execute(schema.TABLES)
            version = await db.fetchval(
                "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
            )
        if tuple(int(part) for part in version.split(".")[:2]) < schema.LEAST_PGVECTOR:
            raise ConfigError(f"STORE_URL: pgvector 0.8 or newer is needed, not {version}")

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()

    async def indexes(self) -> list[Index]:
        rows = await self._rows(
            "SELECT name, model, dimension, query_prefix, passage_prefix FROM rag_indexes"
            " ORDER BY name"
        )
        return [Index(name, Model(*model)) for name, *model in rows]

    async def index(self, name: str) -> Index | None:
        return next((one for one in await self.indexes() if one.name == name), None)

    async def documents(self, index: str) -> list[Document]:
        rows = await self._rows(
            f"SELECT {_DOCUMENT} FROM rag_documents WHERE index_id ="
            ' (SELECT id FROM rag_indexes WHERE name = $1) ORDER BY name COLLATE "C"',
            index,
        )
        return [convert.document_of(row) for row in rows]

    async def document(self, index: str, name: str) -> Document | None:
        rows = await self._rows(
            f"SELECT {_DOCUMENT} FROM rag_documents WHERE index_id ="
            " (SELECT id FROM rag_indexes WHERE name = $1) AND name = $2",
            index,
            convert.storable(name),
        )
        return convert.document_of(rows[0]) if rows else None

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
        async with self._writing() as db:
            number = await writing.made(db, index, model)
            await writing.remove(db, number, convert.storable(document.name))
            row = await writing.begin(db, number, document, len(passages))
            await writing.add(db, number, row, passages, vectors)
            await db.execute(schema.RECOUNT, number, 1, row)

    async def delete(self, index: str, name: str) -> bool:
        async with self._writing() as db:
            number = await db.fetchval(
                "SELECT id FROM rag_indexes WHERE name = $1 FOR UPDATE", index
            )
            return number is not None and await writing.remove(db, number, convert.storable(name))

    async def drop(self, index: str) -> bool:
        async with self._writing() as db:
            number = await db.fetchval(
                "DELETE FROM rag_indexes WHERE name = $1 RETURNING id", index
            )
            if number is not None:
                await db.execute(f"DROP TABLE {schema.vectors(number)}")
            return number is not None

    async def vectors_of(self, index: str, keys: Collection[str]) -> dict[str, Vectors]:
        number = await self._number(index)
        if number is None:
            return {}
        rows = await self._vectors(
            f"SELECT key, {_VECTOR} FROM rag_passages JOIN {schema.vectors(number)}"
            " ON passage_id = id WHERE index_id = $2 AND key = ANY($1)",
            *(list(keys), number),
        )
        return {key: convert.vector_of(sent) for key, sent in rows}

    async def lexical(
        self, index: str, text: str, limit: int, filters: Filters | None = None
    ) -> list[Scored]:
        number = await self._number(index)
        if number is None or limit < 1:
            return []
        values: list[Any] = [number, convert.storable(" ".join(terms(text))), limit]
        among = convert.among(filters, values)
        narrowed = f"AND passage_id IN (SELECT id FROM rag_passages WHERE {among})"
        query = schema.BM25.format(narrowed=narrowed if among else "")
        return [Scored(id, score) for id, score in await self._rows(query, *values)]

    async def dense(
        self, index: str, vector: Vectors, limit: int, filters: Filters | None = None
    ) -> list[Scored]:
        number = await self._number(index)
        if number is None or limit < 1:
            return []
        distance = f"vector <=> $1::text::halfvec({len(vector)})"
        values: list[Any] = [convert.told(vector), limit]
        among = convert.among(filters, values)
        rows = await self._vectors(
            f"SELECT passage_id, 1 - ({distance}) FROM {schema.vectors(number)}"
            f" {f'WHERE {among}' if among else ''} ORDER BY {distance} LIMIT $2",
            *values,
            reach=limit,
        )
        return [Scored(id, score) for id, score in rows]

    async def passages(self, ids: Sequence[int]) -> list[Passage]:
        rows = await self._rows(
            "SELECT p.id, d.name, p.position, p.text, p.header, p.key, p.metadata"
            " FROM rag_passages p JOIN rag_documents d ON d.id = p.document_id"
            " WHERE p.id = ANY($1)",
            list(ids),
        )
        found = {row[0]: convert.passage_of(*row) for row in rows}
        return [found[id] for id in ids if id in found]

    async def vectors(self, index: str, ids: Sequence[int]) -> dict[int, Vectors]:
        number = await self._number(index)
        if number is None:
            return {}
        rows = await self._vectors(
            f"SELECT passage_id, {_VECTOR} FROM {schema.vectors(number)}"
            " WHERE passage_id = ANY($1)",
            list(ids),
        )
        return {id: convert.vector_of(sent) for id, sent in rows}

    async def _number(self, index: str) -> int | None:
        rows = await self._rows("SELECT id FROM rag_indexes WHERE name = $1", index)
        return rows[0][0] if rows else None

    async def _rows(self, query: str, *values: Any) -> list[Any]:
        async with self._connection() as db:
            return list(await db.fetch(query, *values, timeout=_SECONDS))

    async def _vectors(self, query: str, *values: Any, reach: int = 0) -> list[Any]:
        """Rows that need an index's table of vectors; none, if that is gone. `reach`: neighbours
        that a graph is to be searched for."""
        async with self._transaction() as db:
            if reach:
                await db.execute(f"SET LOCAL hnsw.ef_search = {min(max(reach, 40), _MOST_EF)}")
                await db.execute("SET LOCAL hnsw.iterative_scan = strict_order")
            try:
                return list(await db.fetch(query, *values, timeout=_SECONDS))
            except asyncpg.UndefinedTableError:
                return []

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Connection]:
        """A transaction that may have to wait for others: it leaves connections to who reads."""
        async with self._writers, self._transaction() as db:
            yield db

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        async with self._connection() as db, db.transaction():
            yield db

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.acquire(timeout=_SECONDS) as db:
                yield db
        except TimeoutError as error:
            raise StoreBusy("the store: no answer in time") from error
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            kind = StoreBusy if passes(error) else StoreFault
            raise kind(f"the store: {error}") from error


def passes(error: Exception) -> bool:
    """Whether the server is away, starts, ends, or has too many who ask."""
    lost = isinstance(error, asyncpg.InterfaceError) and "closed" in str(error)
    return lost or isinstance(error, _AWAY)
