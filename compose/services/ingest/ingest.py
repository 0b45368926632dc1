"""One file into the store: read, cut, embed, put. What fails leaves everything as it was."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from services.engines.embedder import Embedding
from services.errors import Refused, ServiceError
from services.ingest.cutting import Size, cut
from services.ingest.kinds import reader_for
from services.kit.metrics import Metrics
from services.store.model import Document, NewPassage, Store, Vectors, require_same, with_header

Outcome = Literal["added", "replaced", "unchanged", "failed"]


@dataclass(frozen=True)
class File:
    name: str
    data: bytes
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """How far a file is: `stage` read → cut → embedded → an outcome."""

    file: str
    stage: Literal["read", "cut", "embedded"] | Outcome
    passages: int = 0
    error: str = ""
    status: int = 200


Report = Callable[[Progress], None]


@dataclass(frozen=True)
class Ingestion:
    """What it takes to take files in."""

    store: Store
    embedding: Embedding
    metrics: Metrics

    async def take(
        self, index: str, file: File, size: Size, report: Report = lambda progress: None
    ) -> Progress:
        """The outcome; a failure is one, too, and told in a sentence."""
        try:
            outcome = await self._take(index, file, size, report)
        except ServiceError as error:
            outcome = Progress(file.name, "failed", 0, error.message, error.status)
        self.metrics.files.labels(outcome.stage).inc()
        report(outcome)
        return outcome

    async def _take(self, index: str, file: File, size: Size, report: Report) -> Progress:
        digest = digest_of(file, size)
        known = await self.store.document(index, file.name)
        if known is not None and known.digest == digest and await self._same_model(index):
            return Progress(file.name, "unchanged", known.passages)
        self.metrics.bytes.inc(len(file.data))
        reading = await asyncio.to_thread(reader_for(file.name), file.name, file.data)
        report(Progress(file.name, "read"))
        passages = await asyncio.to_thread(cut, file.name, reading, size)
        if not passages:
            raise Refused(f"{file.name}: there is no text in it")
        report(Progress(file.name, "cut", len(passages)))
        vectors = await self._vectors(index, passages)
        report(Progress(file.name, "embedded", len(passages)))
        metadata = {**reading.metadata, **file.metadata}
        if reading.title:
            metadata.setdefault("title", reading.title)
        document = Document(file.name, digest, reading.kind, len(file.data), metadata)
        model = await self.embedding.model(vectors.shape[1])
        await self.store.put(index, model, document, passages, vectors)
        self.metrics.chunks.inc(len(passages))
        return Progress(file.name, "replaced" if known else "added", len(passages))

    async def _same_model(self, index: str) -> bool:
        """Raises Mismatch if the index was made with another model: even to skip is refused."""
        made = await self.store.index(index)
        if made is not None:
            require_same(index, made.model, await self.embedding.model(made.model.dimension))
        return True

    async def _vectors(self, index: str, passages: Sequence[NewPassage]) -> Vectors:
        """Passages that the index has already are not embedded again."""
        await self._same_model(index)
        known = await self.store.vectors_of(index, {passage.key for passage in passages})
        texts = {
            passage.key: with_header(passage.header, passage.text)
            for passage in passages
            if passage.key not in known
        }
        if texts:
            made = await self.embedding.passages(list(texts.values()))
            known |= dict(zip(texts, made, strict=True))
        return np.stack([known[passage.key] for passage in passages])


def digest_of(file: File, size: Size) -> str:
    """Of all that a document's passages come from."""
    told = "\n".join([size.recipe, *(f"{k}={v}" for k, v in sorted(file.metadata.items()))])
    return hashlib.sha256(f"{told}\n".encode() + file.data).hexdigest()
