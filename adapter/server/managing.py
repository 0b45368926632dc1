"""Which management requests are a real Ollama's: what it holds, and what only it can do.

The rules, one function each. A function returns where a request goes, or None: to the handler.
Whatever is not about a model by name (a body that is none, no name) is the handler's to refuse.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from aiohttp import web

from adapter.aside import aside
from adapter.catalog import names
from adapter.catalog.catalog import Entry
from adapter.errors import AdapterError, BadRequest
from adapter.server.aliases import kept, refuse_served
from adapter.server.bodies import raw_body
from adapter.server.middleware import Handler
from adapter.server.routing import known, named, renamed
from adapter.server.state import STATE, State
from adapter.server.verbatim import pass_verbatim
from adapter.server.web_exchange import on_the_web
from adapter.translate.modelfile import quoted
from adapter.translate.verbatim import Renaming
from adapter.upstream.engine import Engine
from adapter.wire.gojson import read_json
from adapter.wire.longtext import Json
from adapter.wire.toplevel import Place


@dataclass(frozen=True, slots=True)
class Passed:
    """A request for an Ollama: by the entry of a model that it has, or by its upstream's name."""

    upstream: str
    body: Json
    renaming: Renaming | None = None
    entry: Entry | None = None


_SHOWN = "general.basename"
"""Where /api/show tells Copilot the name that it asked for."""

Rule = Callable[[State, Json], Awaitable[Passed | None]]


def managed(handler: Handler, rule: Rule) -> Handler:
    """The handler of a route that is about a model itself."""

    async def route(request: web.Request) -> web.StreamResponse:
        state = request.app[STATE]
        if state.first_ollama is None:
            return await handler(request)
        passed = await rule(state, await raw_body(request))
        if passed is None:
            return await handler(request)
        going = partial(
            pass_verbatim,
            to=passed.entry or passed.upstream,
            body=passed.body,
            renaming=passed.renaming,
            patient=True,
            after=None if rule is shown else _look_again,
        )
        return await on_the_web(going)(request)

    return route


async def _look_again(engine: Engine) -> None:
    """So that who is told the end finds the model in the lists."""
    await engine.health.look_again()


async def shown(state: State, body: Json) -> Passed | None:
    """/api/show of what an Ollama has."""
    return await _of_its_own(state, body, _SHOWN)


async def pulled(state: State, body: Json) -> Passed | None:
    """What an Ollama has (a newer one may be had), what it should have, and what nobody has."""
    place = await named(body)
    if place is None or not _is_legal(place.text):
        return None
    entry = await known(state, place)
    if entry is None:
        return _to_first(state, body)
    return _to(entry, body, place)


async def pushed(state: State, body: Json) -> Passed | None:
    """As pull: what nobody has is refused by an Ollama in its own words."""
    return await pulled(state, body)


async def created(state: State, body: Json) -> Passed | None:
    """Of a model that an Ollama has, of files, or of what nobody has (which is pulled)."""
    name, base = await named(body), await named(body, "from")
    if name is None or not _is_legal(name.text):
        return None
    entry = await known(state, base) if base else None
    if base is None:
        if not await aside(len(body), _has_files, body):
            return None
        passed = _to_first(state, body)
    elif not _is_legal(base.text):
        return None
    else:
        passed = _to_first(state, body) if entry is None else _to(entry, body, base)
    if passed is not None:
        _refuse_taken(state, name.text)
    return passed


async def copied(state: State, body: Json) -> Passed | None:
    """Of what an Ollama has, under a name that nobody else has."""
    source, destination = await named(body, "source"), await named(body, "destination")
    if source is None or destination is None or not _is_legal(destination.text):
        return None
    entry = await known(state, source)
    passed = _to(entry, body, source) if entry else None
    if passed is not None:
        _refuse_taken(state, destination.text)
    return passed


async def deleted(state: State, body: Json) -> Passed | None:
    """What an Ollama has; an alias of the adapter's goes first."""
    place = await named(body)
    if place is None or not _is_legal(place.text):
        return None
    await state.discovery.refresh()
    if kept(state, names.asked(place.text)) is not None:
        return None
    return await _of_its_own(state, body)


async def _of_its_own(state: State, body: Json, key: str = "model") -> Passed | None:
    place = await named(body)
    entry = await known(state, place)
    return _to(entry, body, place, key) if place and entry and not entry.gone else None


def _to(entry: Entry, body: Json, place: Place, key: str = "model") -> Passed | None:
    if not entry.verbatim:
        return None
    body, renaming = renamed(body, place, entry, key)
    return Passed(entry.upstream, body, renaming, entry)


def _to_first(state: State, body: Json) -> Passed | None:
    return Passed(state.first_ollama, body) if state.first_ollama else None


def _is_legal(text: str) -> bool:
    try:
        names.asked(text)
    except AdapterError:
        return False
    return True


def _has_files(body: Json) -> bool:
    try:
        value: Any = read_json(body)
    except (BadRequest, orjson.JSONDecodeError):
        return False
    return isinstance(value, dict) and bool(value.get("files"))


def _refuse_taken(state: State, text: str) -> None:
    """Raises BadRequest if the name is one that only the adapter can give anew."""
    name = names.asked(text)
    entry = state.discovery.catalog.find(name)
    if entry is not None and entry.verbatim:
        return
    refuse_served(state, name)
    if kept(state, name) is not None:
        raise BadRequest(f"{quoted(name.display)} is an alias of the adapter's: delete it first")
