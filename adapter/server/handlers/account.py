"""What belongs to an account at ollama.com, which nobody has here."""

from __future__ import annotations

from aiohttp import web

from adapter.errors import AdapterError, BadRequest, Forbidden
from adapter.server.replies import json_reply


async def status(request: web.Request) -> web.Response:
    return json_reply({"cloud": {"disabled": True, "source": "config"}})


async def unauthorized(request: web.Request) -> web.Response:
    """/api/me, /api/signout and the account's keys: nobody is signed in."""
    raise AdapterError("unauthorized", status=401)


async def web_search(request: web.Request) -> web.Response:
    raise await _off(request, "web search")


async def web_fetch(request: web.Request) -> web.Response:
    raise await _off(request, "web fetch")


async def _off(request: web.Request, what: str) -> AdapterError:
    if not await request.read():
        return BadRequest("missing request body")
    return Forbidden(f"ollama cloud is disabled: {what} is unavailable")


async def recommendations(request: web.Request) -> web.Response:
    return json_reply({"recommendations": []})
