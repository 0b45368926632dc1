"""Rows of Redis' hashes."""

from __future__ import annotations

from dataclasses import replace

from services.store.model import Document, Index, Model
from services.store.redis_records import (
    document_of,
    documents_of,
    index_of,
    number_of,
    numbers_of,
    told_document,
    told_model,
)

MADE = b'12 ["m",4,"q: ","p: "]'


def test_an_index():
    model = Model("m", 4, "q: ", "p: ")
    assert index_of(b"i", MADE) == Index("i", model)
    assert told_model(model) == MADE[3:]
    assert number_of(MADE) == 12
    assert documents_of(MADE) == "rag:documents:12"


def test_the_numbers_of_a_document():
    assert numbers_of(b"12:40:2") == (12, 40, 2)


def test_a_document_there_and_back():
    document = Document("a b.md", "d e", "pdf", 7, {"title": "x y", "pages": 3})
    row = told_document(40, 2, document)
    assert row.startswith(b"40 2 [")
    found = document_of(b"a b.md", row)
    assert found.added.endswith("+00:00")
    assert found == replace(document, passages=2, added=found.added)
