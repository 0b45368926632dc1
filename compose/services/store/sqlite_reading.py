"""What is read from the file."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import orjson

from services.store import matrix as matrices
from services.store.matrix import Ids, Matrix
from services.store.model import Document, Filters, Index, Model, Passage, Scored, Vectors
from services.store.terms import any_of

T = TypeVar("T")
_AT_ONCE = 500
"""Values in one statement; SQLite has a limit."""
_INDEX = "name, model, dimension, query_prefix, passage_prefix"
_DOCUMENT = "name, digest, kind, size, metadata, passages, added"


def number(db: sqlite3.Connection, index: str) -> int | None:
    row = db.execute("SELECT id FROM indexes WHERE name = ?", (index,)).fetchone()
    return None if row is None else int(row[0])


def numbers(db: sqlite3.Connection) -> set[int]:
    return {int(row[0]) for row in db.execute("SELECT id FROM indexes")}


def generation(db: sqlite3.Connection, number: int) -> int:
    row = db.execute("SELECT generation FROM indexes WHERE id = ?", (number,)).fetchone()
    return -1 if row is None else int(row[0])


def indexes(db: sqlite3.Connection) -> list[Index]:
    rows = db.execute(f"SELECT {_INDEX} FROM indexes ORDER BY name")
    return [Index(name, Model(*model)) for name, *model in rows]


def index(db: sqlite3.Connection, name: str) -> Index | None:
    row = db.execute(f"SELECT {_INDEX} FROM indexes WHERE name = ?", (name,)).fetchone()
    return None if row is None else Index(row[0], Model(*row[1:]))


def documents(db: sqlite3.Connection, index: str) -> list[Document]:
    rows = db.execute(
        f"SELECT {_DOCUMENT} FROM documents WHERE index_id = ? ORDER BY name", (number(db, index),)
    )
    return [_document(*row) for row in rows]


def document(db: sqlite3.Connection, index: str, name: str) -> Document | None:
    row = db.execute(
        f"SELECT {_DOCUMENT} FROM documents WHERE index_id = ? AND name = ?",
        (number(db, index), name),
    ).fetchone()
    return None if row is None else _document(*row)


def _document(
    name: str, digest: str, kind: str, size: int, metadata: str, passages: int, added: str
) -> Document:
    return Document(name, digest, kind, size, orjson.loads(metadata), passages, added)


def vectors_of(db: sqlite3.Connection, index: str, keys: Collection[str]) -> dict[str, Vectors]:
    found: dict[str, Vectors] = {}
    of = number(db, index)
    for some in _batched(keys, _AT_ONCE) if of is not None else ():
        rows = db.execute(
            f"SELECT key, vector FROM passages WHERE index_id = ? AND key IN ({_marks(some)})",
            (of, *some),
        )
        found |= {key: _vector(blob) for key, blob in rows}
    return found


def lexical(
    db: sqlite3.Connection, index: str, text: str, limit: int, filters: Filters | None
) -> list[Scored]:
    of, words = number(db, index), any_of(text)
    if of is None or not words or limit < 1:
        return []
    table, narrowed = f"words_{of}", ""
    values: list[object] = [words]
    if filters:
        among = _among(of, filters, values)
        narrowed = f" AND rowid IN (SELECT id FROM passages WHERE document_id IN ({among}))"
    rows = db.execute(
        f"SELECT rowid, -rank FROM {table} WHERE {table} MATCH ?{narrowed} ORDER BY rank LIMIT ?",
        [*values, limit],
    )
    return [Scored(id, score) for id, score in rows]


def allowed(db: sqlite3.Connection, of: int, filters: Filters) -> set[int]:
    """The ids of the documents that pass."""
    values: list[object] = []
    return {row[0] for row in db.execute(_among(of, filters, values), values)}


def _among(of: int, filters: Filters, values: list[object]) -> str:
    """A SELECT of the documents that pass; its values are added to `values`."""
    conditions = ["index_id = ?"]
    values.append(of)
    for key, wanted in filters.items():
        if key == "name":
            column = "name"
        else:
            column = "CAST(json_extract(metadata, ?) AS TEXT)"
            values.append(f"$.{orjson.dumps(key).decode()}")
        conditions.append(f"{column} IN ({_marks(wanted)})")
        values.extend(wanted)
    return f"SELECT id FROM documents WHERE {' AND '.join(conditions)}"


def passages(db: sqlite3.Connection, ids: Sequence[int]) -> list[Passage]:
    found: dict[int, Passage] = {}
    for some in _batched(ids, _AT_ONCE):
        rows = db.execute(
            "SELECT p.id, d.name, p.position, p.text, p.header, p.key, p.metadata"
            " FROM passages p JOIN documents d ON d.id = p.document_id"
            f" WHERE p.id IN ({_marks(some)})",
            some,
        )
        found |= {row[0]: _passage(*row) for row in rows}
    return [found[id] for id in ids if id in found]


def _passage(
    id: int, document: str, position: int, text: str, header: str, key: str, metadata: str
) -> Passage:
    return Passage(id, document, position, text, header, key, orjson.loads(metadata))


def matrix(db: sqlite3.Connection, of: int, known: Matrix | None) -> Matrix:
    """The vectors as they are now; only what `known` has not is read."""
    db.execute("BEGIN")  # so that all that is read is of one generation
    try:
        row = db.execute("SELECT generation, dimension FROM indexes WHERE id = ?", (of,)).fetchone()
        if row is None:
            return matrices.empty(1)
        now, dimension = row
        known = known or matrices.empty(dimension)
        if known.generation == now:
            return known
        there = np.array(
            db.execute("SELECT id, document_id FROM passages WHERE index_id = ?", (of,)).fetchall(),
            np.int64,
        ).reshape(-1, 2)
        there = there[np.argsort(there[:, 0])]
        last = int(known.ids[-1]) if len(known.ids) else -1
        fresh = there[there[:, 0] > last, 0]
        columns = _columns(db, of, last, fresh, dimension)
        return known.changed(now, there[:, 0].copy(), there[:, 1].copy(), fresh, columns)
    finally:
        db.execute("COMMIT")


def _columns(db: sqlite3.Connection, of: int, last: int, ids: Ids, dimension: int) -> Vectors:
    """The vectors of these passages: all of the index that come after `last`.

    SQLite isn't asked for an order: it would sort the vectors themselves, on the disk.
    """
    columns, read = np.empty((dimension, len(ids)), np.float32), list[int]()
    found: Iterable[tuple[int, bytes]] = db.execute(
        "SELECT id, vector FROM passages WHERE index_id = ? AND id > ?", (of, last)
    )
    for some in _batched(found, _AT_ONCE):
        vectors = np.frombuffer(b"".join(blob for _, blob in some), np.float16)
        columns[:, len(read) : len(read) + len(some)] = vectors.reshape(-1, dimension).T
        read += [id for id, _ in some]
    return columns if np.array_equal(read, ids) else columns[:, np.argsort(read)]


def _batched(values: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(values)
    while some := list(itertools.islice(left, size)):
        yield some


def _vector(blob: bytes) -> Vectors:
    return np.frombuffer(blob, np.float16).astype(np.float32)


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
