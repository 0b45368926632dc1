"""The store in one file: passages and words in SQLite (FTS5), vectors searched in memory.

One thread writes, some read, each with a connection of its own. Readers see whole transactions
only (WAL), those of other processes too: every write raises the index's generation.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar

import orjson

from services.store import sqlite_reading as reading
from services.store import sqlite_writing as writing
from services.store.faults import StoreBusy, StoreFault
from services.store.matrix import Matrix
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
from services.store.sqlite_schema import connect, prepare

R = TypeVar("R")
READERS = 4


class SQLiteStore:
    def __init__(self, file: str) -> None:
        self._file = file
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._readers = ThreadPoolExecutor(READERS, "store-reader")
        self._own = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._matrices: dict[int, Matrix] = {}
        self._growing: dict[int, threading.Lock] = {}

    async def open(self) -> None:
        await self._write(prepare)

    async def close(self) -> None:
        for pool in (self._writer, self._readers):
            await asyncio.to_thread(pool.shutdown, True)
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    async def indexes(self) -> list[Index]:
        return await self._read(reading.indexes)

    async def index(self, name: str) -> Index | None:
        return await self._read(lambda db: reading.index(db, name))

    async def documents(self, index: str) -> list[Document]:
        return await self._read(lambda db: reading.documents(db, index))

    async def document(self, index: str, name: str) -> Document | None:
        return await self._read(lambda db: reading.document(db, index, name))

    async def put(
        self,
        index: str,
        model: Model,
        document: Document,
        passages: Sequence[NewPassage],
        vectors: Vectors,
    ) -> None:
        checked_name(index)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        await self._write(
            lambda db: writing.put(db, index, model, document, passages, vectors, now)
        )

    async def delete(self, index: str, name: str) -> bool:
        return await self._write(lambda db: writing.delete(db, index, name))

    async def drop(self, index: str) -> bool:
        dropped = await self._write(lambda db: writing.drop(db, index))
        self._matrices.clear()  # what other indexes need is read again
        return dropped

    async def vectors_of(self, index: str, keys: Collection[str]) -> dict[str, Vectors]:
        return await self._read(lambda db: reading.vectors_of(db, index, keys))

    async def lexical(
        self, index: str, text: str, limit: int, filters: Filters | None = None
    ) -> list[Scored]:
        return await self._read(lambda db: reading.lexical(db, index, text, limit, filters))

    async def dense(
        self, index: str, vector: Vectors, limit: int, filters: Filters | None = None
    ) -> list[Scored]:
        def search(db: sqlite3.Connection) -> list[Scored]:
            number = reading.number(db, index)
            if number is None:
                return []
            allowed = reading.allowed(db, number, filters) if filters else None
            return self._matrix(db, number).search(vector, limit, allowed)

        return await self._read(search)

    async def passages(self, ids: Sequence[int]) -> list[Passage]:
        return await self._read(lambda db: reading.passages(db, ids))

    async def vectors(self, index: str, ids: Sequence[int]) -> dict[int, Vectors]:
        def find(db: sqlite3.Connection) -> dict[int, Vectors]:
            number = reading.number(db, index)
            return {} if number is None else self._matrix(db, number).vectors(ids)

        return await self._read(find)

    def _matrix(self, db: sqlite3.Connection, number: int) -> Matrix:
        """The index's vectors as they are now; of two that notice a change one reads it."""
        known = self._matrices.get(number)
        if known is not None and known.generation == reading.generation(db, number):
            return known
        with self._growing.setdefault(number, threading.Lock()):
            matrix = reading.matrix(db, number, self._matrices.get(number))
            self._matrices[number] = matrix
        for dropped in set(self._matrices) - reading.numbers(db):
            self._matrices.pop(dropped, None)  # by another process, perhaps
            self._growing.pop(dropped, None)
        return matrix

    async def _read(self, what: Callable[[sqlite3.Connection], R]) -> R:
        return await self._in(self._readers, what)

    async def _write(self, what: Callable[[sqlite3.Connection], R]) -> R:
        # Shielded: a transaction that has begun is finished though who asked for it is gone.
        return await asyncio.shield(self._in(self._writer, what))

    async def _in(self, pool: ThreadPoolExecutor, what: Callable[[sqlite3.Connection], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(pool, self._told, what)

    def _told(self, what: Callable[[sqlite3.Connection], R]) -> R:
        try:
            return what(self._connection())
        except (sqlite3.Error, orjson.JSONDecodeError) as error:
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            raise (StoreBusy if busy else StoreFault)(f"the store {self._file}: {error}") from error

    def _connection(self) -> sqlite3.Connection:
        """This thread's own."""
        found: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if found is None:
            found = self._own.connection = connect(self._file)
            self._opened.append(found)
        return found
