"""/api/pull and /api/push: what Ollama asks its registry for, of which there is none here."""

from __future__ import annotations

from aiohttp import web

from adapter.errors import AdapterError, BadRequest, ModelNotFound
from adapter.server.bodies import read_request
from adapter.server.generation import concern
from adapter.server.progress import progress_reply
from adapter.server.state import FACTS, STATE
from adapter.translate.progress import NOT_TO_BE_HAD, PULLING, pull_lines
from adapter.wire.ollama import PullRequest, PushRequest

NO_REGISTRY = (
    "models can't be pushed from here: this server runs its models in vLLM and has no registry"
)


async def pull(request: web.Request) -> web.StreamResponse:
    """A model that is served is there at once; another can't be had."""
    asked = await read_request(request, PullRequest)
    try:
        entry = await request.app[STATE].find(asked.asked, NOT_TO_BE_HAD)
    except ModelNotFound as error:
        fault = AdapterError(error.message)
        return await progress_reply(request, [PULLING], streams=asked.streams, fault=fault)
    concern(request[FACTS], entry)
    return await progress_reply(request, pull_lines(entry.listing), streams=asked.streams)


async def push(request: web.Request) -> web.StreamResponse:
    asked = await read_request(request, PushRequest)
    if not asked.asked.strip():
        raise BadRequest("model is required")
    raise AdapterError(NO_REGISTRY, status=501)
