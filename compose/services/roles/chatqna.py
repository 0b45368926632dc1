"""The pipeline: OPEA's /v1/chatqna, OpenAI's chat, and a model for the adapter."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from aiohttp import web

from services import pipeline
from services.engines.http import origin_of, refuse_hop
from services.engines.models import bare
from services.errors import NotFound, Refused, ServiceError
from services.grounding import asking
from services.grounding.asking import Answering, Retrieval
from services.grounding.chunks import Chunk, folded
from services.house import HOUSE
from services.kit.app import FIRST_TOKEN, Card, Routes
from services.kit.replies import json_reply, parsed, read_object
from services.kit.streaming import EVENTS, streamed
from services.pipeline import Request
from services.roles import page, shelf
from services.roles.events import opea_events, openai_events, told, told_to_opea
from services.store.model import checked_name

CARD = Card("chatqna", "ChatQnA", "Answers questions from documents, and names its sources")
CHATQNA = "chatqna"
"""What OPEA's answers call their model."""
_WINDOW_SECONDS = 1.0


async def chatqna(request: web.Request) -> web.StreamResponse:
    """OPEA's: streams unless told otherwise."""
    body = await read_object(request)
    body = {"stream": True, **{k: v for k, v in body.items() if v is not None}}
    limit = "max_completion_tokens" in body
    defaults = {k: v for k, v in asking.OPEA_DEFAULTS.items() if not (limit and k == "max_tokens")}
    asked = read(request, {**defaults, **body}, CHATQNA)
    opea = asked.answering.stream_format != "openai"
    return await answered(request, asked, opea=opea)


async def chat(request: web.Request) -> web.StreamResponse:
    """OpenAI's: whole unless told otherwise."""
    body = await read_object(request)
    house = request.app[HOUSE]
    name = body.get("model") or house.settings.model_name
    if not isinstance(name, str) or bare(name) != bare(house.settings.model_name):
        raise NotFound(f"model '{name}' not found")
    asked = read(request, body, name)
    return await answered(request, asked, opea=asked.answering.stream_format == "opea")


def read(request: web.Request, body: dict[str, Any], model: str) -> Request:
    refuse_hop(request.headers)
    if body.get("tools"):
        raise Refused(f'"{model}" does not support tools')
    if (body.get("n") or 1) != 1:
        raise Refused("n: there is one answer")
    retrieval = parsed(Retrieval, body)
    if retrieval.index_name is not None:
        checked_name(retrieval.index_name)
    options = body.get("stream_options")
    return Request(
        answering=parsed(Answering, body),
        retrieval=retrieval,
        rest=asking.sampling(body),
        id=f"chatcmpl-{secrets.token_hex(12)}",
        model=model,
        origin=origin_of(request.headers),
        wants_counts=not body.get("stream")
        or (isinstance(options, dict) and bool(options.get("include_usage"))),
    )


async def answered(request: web.Request, asked: Request, *, opea: bool) -> web.StreamResponse:
    chunks = pipeline.answer(request.app[HOUSE].parts, asked)
    if not asked.answering.stream:
        async with aclosing(chunks):
            return json_reply(folded([chunk async for chunk in chunks]))
    writer, fault = (opea_events, told_to_opea) if opea else (openai_events, told)
    pieces = writer(marked(request, chunks), asked.answering.sources_trailer)
    return await streamed(request, pieces, EVENTS, fault)


async def marked(request: web.Request, chunks: AsyncGenerator[Chunk]) -> AsyncGenerator[Chunk]:
    """Remembers when the first text came."""
    async with aclosing(chunks):
        async for chunk in chunks:
            if FIRST_TOKEN not in request and any(
                c["delta"].get("content") for c in chunk["choices"]
            ):
                request[FIRST_TOKEN] = time.perf_counter()
            yield chunk


async def models(request: web.Request) -> web.Response:
    return json_reply({"object": "list", "data": [await model_row(request)]})


async def model(request: web.Request) -> web.Response:
    name = request.match_info["model"]
    if bare(name) != bare(request.app[HOUSE].settings.model_name):
        raise NotFound(f"model '{name}' not found")
    return json_reply(await model_row(request))


async def model_row(request: web.Request) -> dict[str, Any]:
    """As vLLM has it: the adapter reads the window, which is that of the model behind."""
    house = request.app[HOUSE]
    if not house.parts.llm.window:
        # Asked for a word's tokens; while the model is away, its window is not known.
        with contextlib.suppress(ServiceError, TimeoutError):
            async with asyncio.timeout(_WINDOW_SECONDS):
                word = {"role": "user", "content": "hi"}
                await house.parts.llm.count([word], origin_of(request.headers))
    row = {"id": house.settings.model_name, "object": "model", "created": 0, "owned_by": "services"}
    window = house.parts.llm.window
    return row | {"max_model_len": window} if window else row


ROUTES: Routes = {
    **page.ROUTES,
    **shelf.ROUTES,
    "POST /v1/chatqna": chatqna,
    "POST /v1/chat/completions": chat,
    "GET /v1/models": models,
    "GET /v1/models/{model}": model,
}
