"""/api/embed and the older /api/embeddings."""

from __future__ import annotations

from functools import partial

from adapter.aside import aside
from adapter.catalog.catalog import Entry
from adapter.errors import BadRequest, ModelNotFound
from adapter.server.bodies import json_answer, parsed
from adapter.server.exchange import Exchange, handed_on
from adapter.server.replies import Reply, json_bytes
from adapter.server.routing import found
from adapter.translate import embed
from adapter.translate.ndjson import dumps
from adapter.translate.refusals import INPUT_TOO_LONG
from adapter.translate.timings import Marks, timings
from adapter.wire.gojson import parse
from adapter.wire.ollama import EmbeddingsRequest, EmbedRequest, NamedRequest
from adapter.wire.openai import EMBEDDINGS_PATH, EmbeddingsBody


async def post(exchange: Exchange) -> Reply | None:
    """/api/embed: a vector of length 1 for each input."""
    asked = await parsed(await exchange.read(), partial(parse, EmbedRequest))
    inputs = embed.texts(asked)
    if not asked.asked.strip():
        raise ModelNotFound(f"model '{asked.asked}' not found")
    entry = await _find(exchange, asked)
    if not inputs:
        return json_bytes(dumps({"model": asked.asked, "embeddings": []}))
    body = embed.to_openai(inputs, entry.target, truncate=asked.truncate is not False)
    marks = Marks(exchange.facts.started)
    vectors = await _ask(exchange, asked, entry, body, marks)
    spent = timings(marks, None, exchange.state.clock())
    return await json_answer(exchange, vectors.size, partial(embed.reply, asked, vectors, spent))


async def post_legacy(exchange: Exchange) -> Reply:
    """/api/embeddings: one prompt, the vector as the model gives it."""
    asked = await parsed(await exchange.read(), partial(parse, EmbeddingsRequest))
    if not asked.asked.strip():
        raise BadRequest("model is required")
    entry = await _find(exchange, asked)
    if not asked.prompt:
        return json_bytes(dumps({"embedding": []}))
    body = embed.legacy_to_openai(asked, entry.target)
    vectors = await _ask(exchange, asked, entry, body, Marks(exchange.facts.started))
    return json_bytes(dumps({"embedding": list(vectors.vectors[0])}))


async def _find(exchange: Exchange, asked: EmbedRequest | EmbeddingsRequest) -> Entry:
    return await found(exchange, asked.asked, _missing(asked))


def _missing(asked: NamedRequest) -> str:
    return f'model "{asked.asked}" not found, try pulling it first'


async def _ask(
    exchange: Exchange,
    asked: EmbedRequest | EmbeddingsRequest,
    entry: Entry,
    body: EmbeddingsBody,
    marks: Marks,
) -> embed.Vectors:
    state, facts = exchange.state, exchange.facts
    engine = state.engines[entry.upstream]
    with state.admission.enter():
        await engine.health.require()
        marks.opened = state.clock()
        unable = f'"{asked.asked}" does not support embeddings'
        lasting = state.residency.in_use(entry.listing.name, asked.keep_alive)
        with engine.asked(_missing(asked), unable), lasting:
            answer = await engine.client.post_json(
                EMBEDDINGS_PATH, body, handed_on(exchange), too_long=INPUT_TOO_LONG
            )
    vectors = await aside(len(answer), embed.read_vectors, answer, len(body["input"]))
    facts.prompt_tokens = vectors.prompt_tokens
    return vectors
