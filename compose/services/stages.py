"""The stages of an answer: embed → search → rerank → pack → generate. Each is one function."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from services.engines.embedder import Embedding
from services.engines.http import Origin
from services.engines.llm import LLM, Body, Counted
from services.engines.reranker import Reranker
from services.errors import Refused, ServiceError
from services.grounding import packing, prompt
from services.grounding.prompt import Asked
from services.grounding.question import text_of
from services.kit.metrics import Metrics
from services.kit.traces import Traces, Untraced
from services.searching import Hit, Query, Searcher, Vector
from services.settings import Settings
from services.store.model import Vectors, with_header

_log = logging.getLogger("services")
Ranking = Literal["off", "done", "timeout", "failed"]


@dataclass(frozen=True)
class Parts:
    """What the stages work with: in this process or in others, they can't tell."""

    settings: Settings
    metrics: Metrics
    embedding: Embedding
    searcher: Searcher
    reranker: Reranker | None
    llm: LLM
    traces: Traces = field(default_factory=Untraced)


@dataclass(frozen=True)
class Packed:
    messages: list[dict[str, Any]]
    hits: list[Hit]
    """In the order of their numbers in the prompt."""
    tokens: int
    counted: bool
    """By the engine, before it is asked; else estimated: it tells with its answer."""
    left_out: int


@contextmanager
def stage(parts: Parts, name: str, origin: Origin) -> Iterator[Origin]:
    """Times and traces what is done within; its value is the origin of what is asked within."""
    with parts.metrics.stage(name), parts.traces.span(name, origin.trace) as trace:
        yield origin if trace == origin.trace else replace(origin, trace=trace)


async def embed(parts: Parts, question: str, origin: Origin) -> Vectors:
    with stage(parts, "embed", origin) as origin:
        return await parts.embedding.query(question, origin)


async def search(parts: Parts, query: Query, vector: Vector, origin: Origin) -> list[Hit]:
    """Best first. The vector is made while words are looked for."""
    with stage(parts, "search", origin) as origin:
        return await parts.searcher.search(query, vector, origin)


async def rerank(
    parts: Parts, question: str, hits: Sequence[Hit], limit: int, origin: Origin
) -> tuple[list[Hit], Ranking]:
    """The best by the reranker; by their scores, if there is none or it is late."""
    if parts.reranker is None or not hits:
        return list(hits[:limit]), "off"
    texts = [searchable(hit) for hit in hits]
    outcome: Ranking = "failed"
    try:
        with stage(parts, "rerank", origin) as asked:
            async with asyncio.timeout(parts.settings.rerank_seconds):
                scores = await parts.reranker.scores(question, texts, asked)
    except TimeoutError:
        outcome = "timeout"
    except ServiceError as error:
        _log.warning("went on unranked: %s", error.message)
    else:
        # A stable sort: what the reranker finds equal stays in its order.
        best = sorted(range(len(hits)), key=lambda at: -scores[at])[:limit]
        return [hits[at]._replace(ranked=scores[at]) for at in best], "done"
    parts.metrics.rerank_fallback.labels(outcome).inc()
    return list(hits[:limit]), outcome


async def pack(
    parts: Parts, asked: Asked, hits: Sequence[Hit], wanted: int | None, origin: Origin
) -> Packed:
    """As many of the best as the model's window holds; `wanted`: tokens for the answer.

    Raises:
        Refused: the conversation leaves no room for any.
    """
    with stage(parts, "pack", origin) as origin:
        kept = list(hits)
        while True:
            shown = in_order(kept)
            messages = prompt.messages(asked, [hit.passage for hit in shown])
            if fits(parts, messages, wanted):
                left_out = len(hits) - len(kept)
                return Packed(messages, shown, estimate(messages), False, left_out)
            size, exact = await measured(parts, messages, origin)
            most = parts.settings.context_tokens
            room = packing.room(size.window, wanted, most) if size.window else most
            excess = size.tokens - room if room or size.window else 0
            if excess <= 0:
                break
            sizes = await sizes_of(parts, kept, origin)
            kept = [kept[place] for place in packing.kept(sizes, excess)]
            if not kept:
                bare, _ = await measured(parts, prompt.messages(asked, []), origin)
                raise Refused(no_room(bare.tokens, max(room, 0)))
    return Packed(messages, shown, size.tokens, exact, len(hits) - len(kept))


async def generate(parts: Parts, body: Body, origin: Origin) -> AsyncGenerator[Body]:
    """The model's chunks as they come; closing the generator ends the model's work."""
    with stage(parts, "generate", origin) as origin:
        async with aclosing(parts.llm.events(body, origin)) as chunks:
            async for chunk in chunks:
                yield chunk


def fits(parts: Parts, messages: Sequence[dict[str, Any]], wanted: int | None) -> bool:
    """Whether the window holds it whatever its tokens are, so that nobody need count them."""
    window = parts.llm.known_window()
    if not window or not all(isinstance(one.get("content"), str) for one in messages):
        return False
    room = packing.room(window, wanted, parts.settings.context_tokens)
    return packing.at_most([one["content"] for one in messages]) <= room


async def measured(
    parts: Parts, messages: Sequence[dict[str, Any]], origin: Origin
) -> tuple[Counted, bool]:
    """A conversation's tokens, and whether an engine counted them; if not, no window is told."""
    counted = await parts.llm.count(messages, origin)
    return counted or Counted(estimate(messages), 0), counted is not None


def no_room(tokens: int, room: int) -> str:
    """Why no passage can be shown beside a conversation of so many tokens."""
    if tokens < room:
        return f"no passage that was found is short enough for the {room - tokens} tokens left"
    told = f"{tokens} tokens, and {room} are left beside the answer"
    return f"the conversation is too long for the model: {told}"


def in_order(hits: Sequence[Hit]) -> list[Hit]:
    """As they stand in their documents: the same passages make the same prompt."""
    return sorted(hits, key=lambda hit: (hit.passage.document, hit.passage.position))


def searchable(hit: Hit) -> str:
    """A passage as it was embedded."""
    return with_header(hit.passage.header, hit.passage.text)


async def sizes_of(parts: Parts, hits: Sequence[Hit], origin: Origin) -> list[int]:
    """Tokens of each passage, as it stands in the prompt."""
    texts = [prompt.block(1, hit.passage) for hit in hits]
    known = [await parts.llm.size(text, origin) for text in texts]
    return [
        packing.estimated(text) if size is None else size
        for text, size in zip(texts, known, strict=True)
    ]


def estimate(messages: Sequence[dict[str, Any]]) -> int:
    return sum(packing.estimated(text_of(one)) for one in messages)
