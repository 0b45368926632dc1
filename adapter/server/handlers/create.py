"""/api/create: a name for a served model with a system prompt, a template, options, an adapter."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from aiohttp import web

from adapter.catalog import names
from adapter.catalog.blobs import parse_digest
from adapter.catalog.catalog import Entry
from adapter.errors import AdapterError, BadRequest, ModelNotFound, StateFault, UpstreamAway
from adapter.server.aliases import blobs, definition_of, keep, refuse_served
from adapter.server.bodies import read_request
from adapter.server.generation import concern
from adapter.server.progress import progress_reply
from adapter.server.state import FACTS, STATE, State
from adapter.translate import lora
from adapter.translate.definition import Definition, laid_over
from adapter.translate.progress import NOT_TO_BE_HAD, PULLING, create_lines
from adapter.wire.ollama import CreateRequest


async def post(request: web.Request) -> web.StreamResponse:
    state = request.app[STATE]
    asked = await read_request(request, CreateRequest)
    name = names.asked(asked.asked)
    _refuse_weights(asked)
    try:
        entry = await state.find(asked.from_, NOT_TO_BE_HAD)
    except ModelNotFound as error:  # Ollama would pull it
        fault = AdapterError(error.message)
        return await progress_reply(request, [PULLING], streams=asked.streams, fault=fault)
    concern(request[FACTS], entry)
    refuse_served(state, name)
    under = definition_of(entry)
    definition = laid_over(under, asked)
    if asked.adapters:
        await _keep_with_adapter(state, name, entry, definition, asked)
    else:
        await keep(state, name, definition)
    lines = create_lines(entry.listing, under, definition, asked.adapters.values())
    return await progress_reply(request, lines, streams=asked.streams)


def _refuse_weights(asked: CreateRequest) -> None:
    if asked.files:
        raise BadRequest(
            lora.no_gguf("files") + ": serve the model there, and create from its name"
        )
    if not asked.from_.strip():
        raise BadRequest("neither 'from' or 'files' was specified")
    if asked.quantize:
        raise BadRequest("this server runs its models in vLLM, which quantizes none on demand")


async def _keep_with_adapter(
    state: State, name: names.Name, entry: Entry, definition: Definition, asked: CreateRequest
) -> None:
    """Makes the adapter's folder, has the engine load it, keeps the alias: all of it or nothing."""
    lora.check_files(asked.adapters)
    files = {file: parse_digest(digest) for file, digest in asked.adapters.items()}
    store, engine = blobs(state), state.engines[entry.upstream]
    await engine.health.require()
    adapter = lora.engine_name(definition.base, str(state.discovery.store.folder), files)
    wanted = {alias.definition.lora for alias in state.discovery.store.aliases}
    await asyncio.to_thread(store.sweep, wanted)
    folder = await asyncio.to_thread(store.assemble, adapter, files)
    try:
        await state.loras.load(engine.client, adapter, folder)
        await keep(state, name, replace(definition, lora=adapter))
    except AdapterError as error:
        if isinstance(error, UpstreamAway):
            engine.health.suspect(error)
        if adapter not in wanted:
            if isinstance(error, StateFault):  # it was loaded, but the alias can't be kept
                await state.loras.unload(engine.client, adapter)
            await asyncio.to_thread(store.remove_adapter, adapter)
        raise
