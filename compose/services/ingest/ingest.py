"""One file into the store: read, cut, embed, put. What fails leaves everything as it was."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from services.engines.embedder import Embedding
from services.errors import ServiceError
from services.ingest.cutting import Size
from services.ingest.progress import Board, Outcome, Progress, Report, failed, gone
from services.ingest.spool import Spooled
from services.ingest.workers import Job, Read, Workers
from services.kit.metrics import Metrics
from services.settings import Settings
from services.store.model import Document, NewPassage, Store, Vectors, require_same, with_header

AT_ONCE = 2
"""Files of a process, of all requests together."""
_ROUNDS = 4
"""Requests to the embedding engine, for each that may run at a time, between two reports."""


_log = logging.getLogger("services")


@dataclass(frozen=True)
class File:
    name: str
    spooled: Spooled
    metadata: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""
    """The ending whose reader reads it, if its name's own doesn't tell."""
    charset: str = ""
    """As a server told it."""


class Ingestion:
    """What it takes to take files in, for all requests of a process: some files at a time."""

    def __init__(
        self, store: Store, embedding: Embedding, metrics: Metrics, settings: Settings
    ) -> None:
        self._store = store
        self._embedding = embedding
        self._metrics = metrics
        self._slice = settings.embedding_batch * settings.embedding_parallel * _ROUNDS
        self._workers = Workers(settings.read_seconds)
        self._free = asyncio.Semaphore(AT_ONCE)
        self.board = Board()

    async def close(self) -> None:
        await self._workers.close()

    async def take(
        self, index: str, file: File, size: Size, report: Report = lambda progress: None
    ) -> Progress:
        """The outcome; a failure is one, too, and told in a sentence."""
        outcome = gone(file.name)

        def told(step: Progress) -> None:
            self.board.note(index, step)
            report(step)

        told(Progress(file.name, "waiting"))
        try:
            async with self._free:
                outcome = await self._take(index, file, size, told)
        except ServiceError as error:
            outcome = failed(file.name, error)
        except Exception:
            # Ours, but of one file: the next may go well.
            _log.exception("%s: taking it in failed", file.name)
            outcome = Progress(
                file.name, "failed", error=f"{file.name}: internal error", status=500
            )
        finally:
            self._metrics.files.labels(outcome.stage).inc()
            told(outcome)
        return outcome

    async def _take(self, index: str, file: File, size: Size, report: Report) -> Progress:
        digest = digest_of(file, size)
        known = await self._store.document(index, file.name)
        await self._require_same_model(index)
        if known is not None and known.digest == digest:
            return Progress(file.name, "unchanged", known.passages, known.passages)
        self._metrics.bytes.inc(file.spooled.size)
        job = Job(file.name, file.spooled.path, file.kind, file.charset)
        read = await self._workers.read(job, size, lambda: report(Progress(file.name, "read")))
        count = len(read.passages)
        report(Progress(file.name, "cut", count, remark=read.remark))
        vectors = await self._vectors(index, file.name, read.passages, report)
        report(Progress(file.name, "embedded", count, count))
        document = document_of(file, digest, read)
        model = await self._embedding.model(vectors.shape[1])
        await told_to_the_end(self._store.put(index, model, document, read.passages, vectors))
        self._metrics.chunks.inc(count)
        outcome: Outcome = "replaced" if known else "added"
        return Progress(file.name, outcome, count, count, remark=read.remark)

    async def _require_same_model(self, index: str, dimension: int | None = None) -> None:
        """Raises Mismatch if the index was made with another model: even to skip is refused."""
        made = await self._store.index(index)
        if made is not None:
            model = await self._embedding.model(dimension or made.model.dimension)
            require_same(index, made.model, model)

    async def _vectors(
        self, index: str, name: str, passages: Sequence[NewPassage], report: Report
    ) -> Vectors:
        """Passages that the index has already are not embedded again."""
        known = await self._store.vectors_of(index, {passage.key for passage in passages})
        texts = await asyncio.to_thread(texts_of, passages, known)
        keys = list(texts)
        for at in range(0, len(keys), self._slice):
            some = keys[at : at + self._slice]
            made = await self._embedding.passages([texts[key] for key in some])
            await self._require_same_model(index, made.shape[1])
            known |= dict(zip(some, made, strict=True))
            left = len(keys) - at - len(some)
            report(Progress(name, "embedding", len(passages), len(passages) - left))
        return await asyncio.to_thread(stacked, passages, known)


async def told_to_the_end(storing: Coroutine[Any, Any, None]) -> None:
    """What is being stored is stored though the client leaves meanwhile, and counts as taken in."""
    task = asyncio.ensure_future(storing)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task


# In threads, as a large file's would hold up all others.


def texts_of(passages: Sequence[NewPassage], known: Mapping[str, Vectors]) -> dict[str, str]:
    """Of those without a vector, by their keys, as they are embedded."""
    return {
        passage.key: with_header(passage.header, passage.text)
        for passage in passages
        if passage.key not in known
    }


def stacked(passages: Sequence[NewPassage], known: Mapping[str, Vectors]) -> Vectors:
    return np.stack([known[passage.key] for passage in passages])


def document_of(file: File, digest: str, read: Read) -> Document:
    metadata = {**read.metadata, **file.metadata}
    for key, value in (("title", read.title), ("remark", read.remark)):
        if value:
            metadata.setdefault(key, value)
    return Document(file.name, digest, read.kind, file.spooled.size, metadata)


def digest_of(file: File, size: Size) -> str:
    """Of all that a document's passages come from."""
    rows = [size.recipe, file.kind, file.charset, file.spooled.digest]
    told = "\n".join([*rows, *(f"{key}={file.metadata[key]}" for key in sorted(file.metadata))])
    return hashlib.sha256(told.encode()).hexdigest()
