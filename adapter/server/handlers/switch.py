"""/adapter/rollback and /adapter/resume: everything to one upstream, and back. Ours alone."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from aiohttp import web

from adapter.errors import BadRequest, Forbidden
from adapter.server.bodies import parsed, read_body
from adapter.server.replies import json_reply
from adapter.server.routing import phase_one
from adapter.server.state import STATE, State
from adapter.settings import Settings, split_fallback
from adapter.wire.gojson import read_json
from adapter.wire.longtext import Json

_BY_A_PROXY = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")


async def rollback(request: web.Request) -> web.Response:
    """`{"to": "UPSTREAM"}`, or `{}` where it is clear which."""
    _require_this_machine(request)
    state = request.app[STATE]
    to = _chosen(state.settings, await parsed(await read_body(request), _asked_for))
    await state.discovery.store.roll_back(to)
    return json_reply({"rolled_back_to": to, "models": _answering(state, to)})


async def resume(request: web.Request) -> web.Response:
    _require_this_machine(request)
    state = request.app[STATE]
    await state.discovery.refresh()
    before = state.discovery.store.rolled_back_to
    if before:
        await state.discovery.store.roll_back("")
    return json_reply({"resumed": bool(before)})


def _require_this_machine(request: web.Request) -> None:
    """Raises Forbidden for who asks from elsewhere, by way of a proxy on this machine, too."""
    try:
        near = ip_address((request.remote or "").partition("%")[0])
        is_near = (getattr(near, "ipv4_mapped", None) or near).is_loopback
    except ValueError:
        is_near = False
    if not is_near or any(name in request.headers for name in _BY_A_PROXY):
        raise Forbidden("only this machine may roll back or resume")


def _asked_for(body: Json) -> str:
    value: Any = read_json(body) if body.strip() else {}
    to = value.get("to", "") if isinstance(value, dict) else None
    if not isinstance(to, str):
        raise BadRequest('the body has the form {"to": "UPSTREAM"}')
    return to


def _chosen(settings: Settings, to: str) -> str:
    """The upstream that is meant.

    Raises:
        BadRequest: there is none of that name, or it is not clear which.
    """
    names = [upstream.name for upstream in settings.upstreams]
    if to:
        if to not in names:
            raise BadRequest(f"there is no upstream {to!r}: there are {', '.join(names)}")
        return to
    fallbacks = [entry.fallback for entry in settings.models.values() if entry.fallback]
    named = dict.fromkeys(split_fallback(fallback)[0] for fallback in fallbacks)
    ollamas = [upstream.name for upstream in settings.upstreams if upstream.kind == "ollama"]
    for candidates in (list(named), ollamas):
        if len(candidates) == 1:
            return candidates[0]
    raise BadRequest(f"say to which upstream: --to one of {', '.join(named or ollamas or names)}")


def _answering(state: State, to: str) -> dict[str, str]:
    """Which upstream answers for each model from now on."""
    other = {}
    for entry in state.discovery.catalog.entries:
        stand_in = phase_one(state, entry, to)
        other[entry.listing.name] = (stand_in or entry).upstream
    return other
