"""The steps of a transaction that writes to PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from services.store import postgres_rows as convert
from services.store import postgres_schema as schema
from services.store.model import Document, Model, NewPassage, Vectors, require_same

Connection = Any
"""asyncpg has no types."""
_ROWS_AT_ONCE = 100
"""Passages in one statement: to make it ready for the way holds up all else in this process."""


async def made(db: Connection, name: str, model: Model) -> int:
    """The number of the index, which is made if it isn't there; locked until the end."""
    number, made, *known = await db.fetchrow(
        schema.INDEX,
        name,
        model.id,
        model.dimension,
        model.query_prefix,
        model.passage_prefix,
    )
    require_same(name, Model(*known), model)
    if made:
        await db.execute(schema.make_vectors(number, model.dimension))
    return int(number)


async def remove(db: Connection, number: int, name: str) -> bool:
    row = await db.fetchval(
        "SELECT id FROM rag_documents WHERE index_id = $1 AND name = $2", number, name
    )
    if row is None:
        return False
    await db.execute(schema.RECOUNT, number, -1, row)
    await db.execute(f"DELETE FROM {schema.vectors(number)} WHERE document_id = $1", row)
    await db.execute("DELETE FROM rag_documents WHERE id = $1", row)
    return True


async def begin(db: Connection, number: int, document: Document, passages: int) -> int:
    """The number of the new document."""
    row = await db.fetchval(
        "INSERT INTO rag_documents (index_id, name, digest, kind, size, metadata, passages, added)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
        number,
        convert.storable(document.name),
        document.digest,
        document.kind,
        document.size,
        orjson.dumps(document.metadata).decode(),
        passages,
        datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return int(row)


async def add(
    db: Connection,
    number: int,
    document: int,
    passages: Sequence[NewPassage],
    vectors: Vectors,
) -> None:
    for first in range(0, len(passages), _ROWS_AT_ONCE):
        some = passages[first : first + _ROWS_AT_ONCE]
        await db.execute(
            schema.ADD_PASSAGES.format(vectors=schema.vectors(number)),
            number,
            document,
            list(range(first, first + len(some))),
            [passage.key for passage in some],
            [convert.storable(passage.header) for passage in some],
            [convert.storable(passage.text) for passage in some],
            [orjson.dumps(passage.metadata).decode() for passage in some],
            [convert.told(vector) for vector in vectors[first : first + len(some)]],
        )
    await db.execute(schema.ADD_WORDS, number, document)
