"""/api/generate."""

from __future__ import annotations

from aiohttp import web

from adapter.errors import ModelNotFound
from adapter.server.generation import answer, concern, load, missing, unload
from adapter.server.state import STATE
from adapter.translate import generate
from adapter.translate.abilities import check_generate, check_logprobs
from adapter.translate.replies import GENERATE
from adapter.wire.gojson import parse
from adapter.wire.ollama import GenerateRequest


async def post(request: web.Request) -> web.StreamResponse:
    asked = parse(GenerateRequest, await request.read())
    check_logprobs(asked)
    if not asked.asked.strip():
        raise ModelNotFound(missing(asked))
    entry = await request.app[STATE].find(asked.asked, missing(asked))
    concern(request, entry)
    if not asked.prompt and asked.keep_alive == 0:
        return unload(request, asked, entry, GENERATE)
    check_generate(asked, entry.capabilities, entry.name.full)
    question = generate.to_openai(asked, entry.target)
    if not asked.prompt:
        return await load(request, asked, entry, GENERATE)
    return await answer(request, asked, entry, question, GENERATE)
