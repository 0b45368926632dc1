"""Indexes and documents as values of Redis' hashes: numbers for the scripts, then JSON."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from services.store.model import Document, Index, Model


def told_model(model: Model) -> bytes:
    return orjson.dumps([model.id, model.dimension, model.query_prefix, model.passage_prefix])


def index_of(name: bytes, made: bytes) -> Index:
    """From a row of `rag:indexes`."""
    return Index(name.decode(), Model(*orjson.loads(made.partition(b" ")[2])))


def number_of(made: bytes) -> int:
    """The number of an index, from its row."""
    return int(made.partition(b" ")[0])


def documents_of(made: bytes) -> str:
    """The key of an index's documents, from its row."""
    return f"rag:documents:{number_of(made)}"


def numbers_of(written: bytes) -> tuple[int, int, int]:
    """`I:D:C`: the numbers of an index and of a document in it, and how many passages it has."""
    index, number, count = map(int, written.split(b":"))
    return index, number, count


def told_document(number: int, count: int, document: Document) -> bytes:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    known = [document.digest, document.kind, document.size, document.metadata, now]
    return b"%d %d %s" % (number, count, orjson.dumps(known))


def document_of(name: bytes, row: bytes) -> Document:
    """From a row of `rag:documents:I`."""
    _, count, known = row.split(b" ", 2)
    digest, kind, size, metadata, added = orjson.loads(known)
    return Document(name.decode(), digest, kind, size, metadata, int(count), added)
