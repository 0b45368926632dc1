"""/api/tags, /api/ps and /api/show."""

from __future__ import annotations

from aiohttp import web

from adapter.catalog import names
from adapter.errors import BadRequest
from adapter.server.bodies import read_request
from adapter.server.generation import concern
from adapter.server.replies import json_reply
from adapter.server.state import FACTS, STATE
from adapter.translate.models import ps_reply, show_reply, tags_reply
from adapter.translate.timestamps import rfc3339
from adapter.wire.ollama import ShowRequest

COPILOT = "GitHubCopilotChat/"
"""It shows users the basename, and wants it to be the name that it asked for."""


async def tags(request: web.Request) -> web.Response:
    entries = await request.app[STATE].entries()
    return json_reply(tags_reply([entry.listing for entry in entries]))


async def ps(request: web.Request) -> web.Response:
    state = request.app[STATE]
    await state.discovery.refresh()
    told = await state.told_loaded()
    loaded = [(entry.listing, rfc3339(until)) for entry, until in state.loaded()]
    return json_reply(ps_reply(loaded, told))


async def show(request: web.Request) -> web.Response:
    asked = await read_request(request, ShowRequest)
    if not asked.asked.strip():
        raise BadRequest("model is required")
    name = names.asked(asked.asked)
    entry = await request.app[STATE].find(asked.asked, f"model '{name.display}' not found")
    concern(request[FACTS], entry)
    shown = show_reply(entry.listing, asked)
    if request.headers.get("User-Agent", "").startswith(COPILOT):
        shown["model_info"]["general.basename"] = asked.asked
    return json_reply(shown)
