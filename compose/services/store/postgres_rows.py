"""Passages, vectors and filters as PostgreSQL has them, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from services.store.model import Document, Filters, Passage, Vectors


def among(filters: Filters | None, values: list[Any]) -> str:
    """A condition on `document_id`; its values are added to `values`."""
    conditions = []
    for key, wanted in (filters or {}).items():
        if key == "name":
            column = "name"
        else:
            values.append(storable(key))
            column = f"metadata ->> ${len(values)}"
        values.append([storable(value) for value in wanted])
        conditions.append(f"{column} = ANY(${len(values)})")
    if not conditions:
        return ""
    chosen = " AND ".join(conditions)
    return f"document_id IN (SELECT id FROM rag_documents WHERE {chosen})"


def document_of(row: Any) -> Document:
    name, digest, kind, size, metadata, passages, added = row
    return Document(name, digest, kind, size, orjson.loads(metadata), passages, added)


def passage_of(
    id: int, document: str, position: int, text: str, header: str, key: str, metadata: str
) -> Passage:
    return Passage(id, document, position, text, header, key, orjson.loads(metadata))


def told(vector: Vectors) -> str:
    """As pgvector reads it, which is as JSON has it."""
    return orjson.dumps(np.ascontiguousarray(vector), option=orjson.OPT_SERIALIZE_NUMPY).decode()


def vector_of(sent: bytes) -> Vectors:
    """As pgvector sends it: two numbers of two bytes, then the vector's."""
    return np.frombuffer(sent, ">f4", offset=4).astype(np.float32)


def storable(text: str) -> str:
    """PostgreSQL's texts have no NUL."""
    return text.replace("\0", "\ufffd")
