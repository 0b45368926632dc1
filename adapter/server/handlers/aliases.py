"""/api/copy and /api/delete."""

from __future__ import annotations

from aiohttp import web

from adapter.catalog import names
from adapter.errors import BadRequest, ModelNotFound
from adapter.server.aliases import (
    definition_of,
    forget,
    keep,
    kept,
    not_found,
    refuse_served,
    undeletable,
)
from adapter.server.bodies import read_request
from adapter.server.generation import concern
from adapter.server.replies import empty_reply
from adapter.server.state import FACTS, STATE
from adapter.translate.modelfile import quoted
from adapter.wire.ollama import CopyRequest, DeleteRequest


async def copy(request: web.Request) -> web.Response:
    """Another name for the same; a copy of an alias stands on the alias's base."""
    state = request.app[STATE]
    asked = await read_request(request, CopyRequest)
    source = _named(asked.source, "source")
    destination = _named(asked.destination, "destination")
    entry = await state.find(asked.source, f"model {quoted(asked.source)} not found")
    concern(request[FACTS], entry)
    if source.key != destination.key:
        refuse_served(state, destination)
        await keep(state, destination, definition_of(entry))
    return empty_reply()


async def delete(request: web.Request) -> web.Response:
    """Only of aliases, also of one whose base is gone or whose name a model has taken."""
    state = request.app[STATE]
    asked = await read_request(request, DeleteRequest)
    if not asked.asked.strip():
        raise BadRequest("model is required")
    name = _named(asked.asked, "name")
    await state.discovery.refresh()
    alias = kept(state, name)
    if alias is None:
        try:
            entry = await state.find(asked.asked, f"model '{asked.asked}' not found")
        except ModelNotFound as error:
            raise not_found(state, error) from None
        raise undeletable(entry)
    await forget(state, alias)
    return empty_reply()


def _named(text: str, what: str) -> names.Name:
    try:
        return names.asked(text)
    except BadRequest:
        raise BadRequest(f"{what} {quoted(text)} is invalid") from None
