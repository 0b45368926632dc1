"""Chunks of an answer → the bytes of a stream, as OpenAI's clients and OPEA's interface read it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import orjson

from services.errors import ServiceError, error_body
from services.grounding import opea
from services.grounding.chunks import Chunk
from services.grounding.sse import DONE, event


async def openai_events(chunks: AsyncGenerator[Chunk], trailer: bool) -> AsyncGenerator[bytes]:
    documents: list[Chunk] = []
    async with aclosing(chunks):
        async for chunk in chunks:
            documents = chunk.get("sources") or documents
            yield event(orjson.dumps(chunk))
    yield DONE
    if trailer:
        yield reranked(documents)


async def opea_events(chunks: AsyncGenerator[Chunk], trailer: bool) -> AsyncGenerator[bytes]:
    """A text is Python's repr of its bytes: so OPEA's user interface reads it."""
    documents: list[Chunk] = []
    async with aclosing(chunks):
        async for chunk in chunks:
            documents = chunk.get("sources") or documents
            for choice in chunk["choices"]:
                for piece in opea.pieces(choice["delta"].get("content") or ""):
                    yield piece
    yield DONE
    if trailer:
        yield reranked(documents)


def reranked(documents: list[Chunk]) -> bytes:
    return b"json: " + orjson.dumps({"reranked_docs": documents}) + b"\n\n"


def told(error: ServiceError) -> bytes:
    """In place of an end: without [DONE] no client takes the answer for whole."""
    return event(orjson.dumps(error_body(error)))


def told_to_opea(error: ServiceError) -> bytes:
    return opea.failed(orjson.dumps(error_body(error)))
