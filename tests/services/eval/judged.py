"""A filled index with questions, and what answers each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from services.engines.embedder import Embedding
from services.engines.wordllama import WordLlama
from services.settings import Settings
from services.store.model import Document, NewPassage, Passage, Store, with_header
from services.store.sqlite import SQLiteStore

INDEX = "eval"
Kind = Literal["single", "multi", "unanswerable"]


@dataclass(frozen=True)
class Question:
    text: str
    relevant: frozenset[str]
    """Labels of what answers it."""
    kind: Kind = "single"


@dataclass(frozen=True)
class Judged:
    name: str
    store: Store
    embedding: Embedding
    questions: Sequence[Question]
    passages: int
    label: Callable[[Passage], str] = field(default=lambda passage: passage.key)
    """What a passage counts as; several may count as one."""

    @property
    def answerable(self) -> list[Question]:
        return [one for one in self.questions if one.relevant]


@asynccontextmanager
async def an_empty_store() -> AsyncIterator[Store]:
    with TemporaryDirectory(prefix="eval-") as folder:
        store = SQLiteStore(str(Path(folder) / "eval.sqlite"))
        await store.open()
        try:
            yield store
        finally:
            await store.close()


def the_embedding() -> Embedding:
    """Of wordllama: weak, but its weights are in its package."""
    return Embedding(WordLlama(), Settings(embedding_batch=1024, embedding_parallel=1))


@asynccontextmanager
async def filled(
    name: str, passages: Sequence[NewPassage], questions: Sequence[Question]
) -> AsyncIterator[Judged]:
    """A collection whose passages are judged one by one, by their keys."""
    embedding = the_embedding()
    vectors = await embedding.passages([with_header(one.header, one.text) for one in passages])
    async with an_empty_store() as store:
        model = await embedding.model(vectors.shape[1])
        await store.put(INDEX, model, Document(name, name), passages, vectors)
        yield Judged(name, store, embedding, questions, len(passages))
