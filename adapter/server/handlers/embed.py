"""/api/embed and the older /api/embeddings."""

from __future__ import annotations

from aiohttp import web

from adapter.catalog.catalog import Entry
from adapter.errors import BadRequest, ModelNotFound
from adapter.server.generation import concern
from adapter.server.replies import json_reply
from adapter.server.state import FACTS, STATE
from adapter.translate import embed
from adapter.translate.refusals import INPUT_TOO_LONG
from adapter.translate.timings import Marks, timings
from adapter.wire.gojson import parse
from adapter.wire.ollama import EmbeddingsRequest, EmbedRequest, NamedRequest
from adapter.wire.openai import EMBEDDINGS_PATH, EmbeddingsBody


async def post(request: web.Request) -> web.StreamResponse:
    """/api/embed: a vector of length 1 for each input."""
    asked = parse(EmbedRequest, await request.read())
    inputs = embed.texts(asked)
    if not asked.asked.strip():
        raise ModelNotFound(f"model '{asked.asked}' not found")
    entry = await _find(request, asked)
    if not inputs:
        return json_reply({"model": asked.asked, "embeddings": []})
    body = embed.to_openai(inputs, entry.target, truncate=asked.truncate is not False)
    marks = Marks(request[FACTS].started)
    vectors = await _ask(request, asked, entry, body, marks)
    spent = timings(marks, None, request.app[STATE].clock())
    return json_reply(
        {
            "model": asked.asked,
            "embeddings": [embed.normalised(row, asked.dimensions) for row in vectors.vectors],
            "total_duration": spent.total,
            "load_duration": spent.load,
            "prompt_eval_count": vectors.prompt_tokens,
        }
    )


async def post_legacy(request: web.Request) -> web.StreamResponse:
    """/api/embeddings: one prompt, the vector as the model gives it."""
    asked = parse(EmbeddingsRequest, await request.read())
    if not asked.asked.strip():
        raise BadRequest("model is required")
    entry = await _find(request, asked)
    if not asked.prompt:
        return json_reply({"embedding": []})
    body = embed.legacy_to_openai(asked, entry.target)
    vectors = await _ask(request, asked, entry, body, Marks(request[FACTS].started))
    return json_reply({"embedding": vectors.vectors[0]})


async def _find(request: web.Request, asked: EmbedRequest | EmbeddingsRequest) -> Entry:
    entry = await request.app[STATE].find(asked.asked, _missing(asked))
    concern(request, entry)
    return entry


def _missing(asked: NamedRequest) -> str:
    return f'model "{asked.asked}" not found, try pulling it first'


async def _ask(
    request: web.Request,
    asked: EmbedRequest | EmbeddingsRequest,
    entry: Entry,
    body: EmbeddingsBody,
    marks: Marks,
) -> embed.Vectors:
    state, facts = request.app[STATE], request[FACTS]
    engine = state.engines[entry.upstream]
    with state.admission.enter():
        await engine.health.require()
        marks.opened = state.clock()
        headers = {"X-Request-Id": facts.request_id}
        unable = f'"{asked.asked}" does not support embeddings'
        lasting = state.residency.in_use(entry.listing.name, asked.keep_alive)
        with engine.asked(_missing(asked), unable), lasting:
            answer = await engine.client.post_json(
                EMBEDDINGS_PATH, body, headers, too_long=INPUT_TOO_LONG
            )
    vectors = embed.read_vectors(answer, expected=len(body["input"]))
    facts.prompt_tokens = vectors.prompt_tokens
    return vectors
