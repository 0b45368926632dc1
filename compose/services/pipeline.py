"""One question, from the conversation to the chunks of the answer."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from services import stages
from services.engines.http import Origin
from services.engines.llm import Body
from services.errors import EngineError, Refused, ServiceError
from services.grounding import asking, question
from services.grounding.asking import Answering, Retrieval
from services.grounding.chunks import Chunk, Rewriting, source
from services.grounding.prompt import Asked
from services.searching import Hit, wanted
from services.stages import Parts
from services.store.model import Vectors


@dataclass(frozen=True)
class Request:
    """A parsed request. `rest` is what goes to the model as it is."""

    answering: Answering
    retrieval: Retrieval
    rest: Body
    id: str
    model: str
    origin: Origin
    wants_counts: bool = False


@dataclass(frozen=True)
class Prepared:
    body: Body
    hits: list[Hit] = field(default_factory=list)
    info: Mapping[str, Any] = field(default_factory=dict)
    nothing: bool = False
    """No passage was found, and the model isn't asked."""
    aside: bool = False
    """No passage was looked for."""


async def answer(parts: Parts, request: Request) -> AsyncGenerator[Chunk]:
    """The chunks of the answer. The last but the counts has `finish_reason` and `sources`.

    Raises:
        Refused: the request's fault.
        EngineError: an engine's, also in the middle: the answer is then not whole.
    """
    began, origin = time.perf_counter(), request.origin
    with (
        parts.metrics.mega_pending.track_inprogress(),
        parts.traces.span("query", origin.trace, request_id=origin.request_id) as trace,
    ):
        request = replace(request, origin=replace(origin, trace=trace))
        prepared = await prepare(parts, request)
        clock = _Clock(parts, began)
        async with aclosing(_chunks(parts, request, prepared)) as chunks:
            async for chunk in chunks:
                clock.heard(chunk)
                yield chunk
        clock.ended()


async def prepare(parts: Parts, request: Request) -> Prepared:
    """All that comes before the model's answer."""
    messages = request.answering.messages
    asked = question.last_question(messages)
    if not asked.strip():
        raise Refused("messages: there is no question of a user")
    if asked.startswith(question.BYPASS) or question.is_aside(messages):
        parts.metrics.aside.inc()
        return Prepared(request.rest | {"messages": without_bypass(messages)}, aside=True)
    sought = await sought_question(parts, request, asked)
    hits, info = await retrieve(parts, request, sought)
    if not hits:
        parts.metrics.empty.inc()
        return Prepared({}, [], info | {"passages": 0}, nothing=True)
    packed = await stages.pack(
        parts,
        Asked(messages, asked, request.answering.chat_template),
        hits,
        asking.answer_limit(request.rest),
        request.origin,
    )
    told = info | {
        "passages": len(packed.hits),
        "context_tokens": packed.tokens,
        "counted": packed.counted,
        "left_out": packed.left_out,
    }
    return Prepared(request.rest | {"messages": packed.messages}, packed.hits, told)


async def sought_question(parts: Parts, request: Request, asked: str) -> str:
    """What is looked for: the last turn, or a follow-up made whole by the model."""
    messages, wanted = request.answering.messages, request.answering.condense
    wanted = parts.settings.condense if wanted is None else wanted
    if not wanted or not question.is_follow_up(messages):
        return asked
    try:
        with stages.stage(parts, "condense", request.origin) as origin:
            told = await parts.llm.whole(question.condensing(messages), 128, origin)
    except ServiceError:
        told = ""
    whole = question.condensed(told, asked)
    if not whole:
        parts.metrics.condense_failed.inc()
    return whole or asked


async def retrieve(parts: Parts, request: Request, sought: str) -> tuple[list[Hit], dict[str, Any]]:
    """The passages to show, best first, and what is to be said of how they were found."""
    settings, wish, origin = parts.settings, request.retrieval, request.origin
    ranks = parts.reranker is not None
    shown = wish.top_n or wish.k or settings.passages
    how = wish.search_type or settings.search_type
    limit = max(shown, wish.k or 0) if ranks else shown
    model = None if how == "lexical" else await parts.embedding.model(0)
    query = wanted(sought, wish, settings, how, limit, model, union=ranks and not wish.k)

    async def vector() -> Vectors:
        return await stages.embed(parts, sought, origin)

    hits = await stages.search(parts, query, vector, origin)
    best, ranking = await stages.rerank(parts, sought, hits, shown, origin)
    return best, {"question": sought, "found": len(hits), "rerank": ranking}


async def _chunks(parts: Parts, request: Request, prepared: Prepared) -> AsyncGenerator[Chunk]:
    head = {
        "id": request.id,
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": request.model,
    }
    if prepared.nothing:
        for chunk in said(head, parts.settings.nothing_found, prepared.info, request.wants_counts):
            yield chunk
        return
    show = parts.settings.show_sources
    show = show if request.answering.show_sources is None else request.answering.show_sources
    told_of = sources(prepared.hits, request.answering.quote_characters)
    is_json = asking.wants_json(request.rest)
    cites = not (is_json or prepared.aside)
    writer = Rewriting(head, told_of, prepared.info, cites=cites)
    async with aclosing(stages.generate(parts, prepared.body, request.origin)) as chunks:
        async for chunk in chunks:
            told = writer.feed(chunk)
            if told is not None:
                yield told
    if not writer.ended:
        raise EngineError("the model ended without saying why")
    for chunk in writer.finish(show=show and not is_json):
        yield chunk
    parts.metrics.stripped.inc(writer.stripped)
    if not prepared.aside:
        parts.metrics.hits.observe(len(prepared.hits))
        parts.metrics.context.observe(writer.prompt_tokens)
    if request.wants_counts and writer.usage:
        yield writer.counts()


def said(head: Chunk, text: str, info: Mapping[str, Any], counts: bool) -> list[Chunk]:
    """An answer without a model."""
    last = _choice({}, "stop") | {"metadata": {"sources": [], "rag": dict(info)}}
    none = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    return [
        {**head, "choices": [_choice({"role": "assistant", "content": text}, None)]},
        {**head, "choices": [last], "sources": []},
        *([{**head, "choices": [], "usage": none}] if counts else []),
    ]


def sources(hits: list[Hit], quote: int) -> list[Chunk]:
    return [
        source(
            number,
            hit.passage.document,
            hit.passage.header,
            hit.passage.text,
            quote,
            page=hit.passage.metadata.get("page"),
            score=hit.score if hit.ranked is None else hit.ranked,
            key=hit.passage.key,
        )
        for number, hit in enumerate(hits, 1)
    ]


def without_bypass(messages: list[Chunk]) -> list[Chunk]:
    *earlier, last = messages
    content = last.get("content")
    if isinstance(content, str):
        last = {**last, "content": content.removeprefix(question.BYPASS)}
    return [*earlier, last]


def _choice(delta: Chunk, reason: str | None) -> Chunk:
    return {"index": 0, "delta": delta, "finish_reason": reason}


class _Clock:
    """First token, time between tokens, and the whole, in OPEA's figures and ours."""

    def __init__(self, parts: Parts, began: float) -> None:
        self._metrics = parts.metrics
        self._began = began
        self._last = 0.0

    def heard(self, chunk: Chunk) -> None:
        if not any(_says(choice["delta"]) for choice in chunk["choices"]):
            return
        now = time.perf_counter()
        if self._last:
            self._metrics.mega_inter.observe(now - self._last)
        else:
            self._metrics.first_token.observe(now - self._began)
            self._metrics.mega_first.observe(now - self._began)
        self._last = now

    def ended(self) -> None:
        self._metrics.mega_request.observe(time.perf_counter() - self._began)


def _says(delta: Mapping[str, Any]) -> bool:
    return any(delta.get(key) for key in ("content", "reasoning", "reasoning_content"))
