"""What changes the file: each function is one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import orjson

from services.store import sqlite_reading as reading
from services.store.model import Document, Model, NewPassage, Vectors, require_same
from services.store.sqlite_schema import make_words


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; locked for writing from its beginning, so that what it reads stays true."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def put(
    db: sqlite3.Connection,
    index: str,
    model: Model,
    document: Document,
    passages: Sequence[NewPassage],
    vectors: Vectors,
    now: str,
) -> None:
    assert len(passages) == len(vectors)
    with transaction(db):
        number = _made(db, index, model)
        _remove(db, number, document.name)
        row = db.execute(
            "INSERT INTO documents (index_id, name, digest, kind, size, metadata, passages, added)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                number,
                document.name,
                document.digest,
                document.kind,
                document.size,
                orjson.dumps(document.metadata).decode(),
                len(passages),
                now,
            ),
        ).fetchone()
        _add(db, number, row[0], passages, vectors)
        _changed(db, number)


def delete(db: sqlite3.Connection, index: str, name: str) -> bool:
    with transaction(db):
        number = reading.number(db, index)
        if number is None or not _remove(db, number, name):
            return False
        _changed(db, number)
        return True


def drop(db: sqlite3.Connection, index: str) -> bool:
    with transaction(db):
        number = reading.number(db, index)
        if number is None:
            return False
        db.execute("DELETE FROM indexes WHERE id = ?", (number,))
        db.execute(f"DROP TABLE words_{number}")
        return True


def _made(db: sqlite3.Connection, name: str, model: Model) -> int:
    """The number of the index, which is made if it isn't there."""
    found = reading.index(db, name)
    if found is not None:
        require_same(name, found.model, model)
        number = reading.number(db, name)
        assert number is not None
        return number
    row = db.execute(
        "INSERT INTO indexes (name, model, dimension, query_prefix, passage_prefix)"
        " VALUES (?, ?, ?, ?, ?) RETURNING id",
        (name, model.id, model.dimension, model.query_prefix, model.passage_prefix),
    ).fetchone()
    made = int(row[0])
    make_words(db, made)
    return made


def _remove(db: sqlite3.Connection, number: int, name: str) -> bool:
    found = db.execute(
        "SELECT id FROM documents WHERE index_id = ? AND name = ?", (number, name)
    ).fetchone()
    if found is None:
        return False
    # A table without content is told what it forgets.
    db.execute(
        f"INSERT INTO words_{number} (words_{number}, rowid, body)"
        " SELECT 'delete', id, header || char(10) || text FROM passages WHERE document_id = ?",
        found,
    )
    db.execute("DELETE FROM documents WHERE id = ?", found)
    return True


def _add(
    db: sqlite3.Connection,
    number: int,
    document: int,
    passages: Sequence[NewPassage],
    vectors: Vectors,
) -> None:
    stored = vectors.astype(np.float16)
    db.executemany(
        "INSERT INTO passages (index_id, document_id, position, key, header, text, metadata,"
        " vector) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                number,
                document,
                position,
                passage.key,
                passage.header,
                passage.text,
                orjson.dumps(passage.metadata).decode(),
                stored[position].tobytes(),
            )
            for position, passage in enumerate(passages)
        ),
    )
    db.execute(
        f"INSERT INTO words_{number} (rowid, body)"
        " SELECT id, header || char(10) || text FROM passages WHERE document_id = ?",
        (document,),
    )


def _changed(db: sqlite3.Connection, number: int) -> None:
    db.execute("UPDATE indexes SET generation = generation + 1 WHERE id = ?", (number,))
