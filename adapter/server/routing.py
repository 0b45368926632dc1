"""Where a request goes: by its model's name, then by what it needs, then by who is there.

In front of a handler. What goes to a real Ollama never reaches the handler; what goes to another
model than the one that was asked for does, with that model's entry in `Exchange.routing`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from adapter.aside import aside
from adapter.catalog import names
from adapter.catalog.catalog import Entry
from adapter.errors import (
    AdapterError,
    BadRequest,
    ModelNotFound,
    UpstreamError,
    UpstreamRefused,
)
from adapter.server.exchange import Answering, Exchange
from adapter.server.generation import concern
from adapter.server.replies import Reply
from adapter.server.state import State
from adapter.server.verbatim import pass_verbatim
from adapter.translate.needs import has_images
from adapter.translate.verbatim import Renaming
from adapter.wire import toplevel
from adapter.wire.longtext import Json
from adapter.wire.toplevel import Place

Way = Callable[..., Awaitable[Reply | None]]


def routed(handler: Answering, *, embeds: bool = False) -> Answering:
    """What answers a route that is about one model's answers. `embeds`: they are vectors."""

    async def route(exchange: Exchange) -> Reply | None:
        state = exchange.state
        if not state.routes:
            return await handler(exchange)
        body = await exchange.read(keep=True)
        place = await named(body)
        entry = await known(state, place)
        if place is None or entry is None:
            exchange.routing.heard = place is not None
            return await handler(exchange)  # which says what is wrong with it
        entry = await by_need(state, entry, body, embeds=embeds)
        go = partial(_go, exchange, handler, body, place)
        if other := await stand_in(state, entry):
            return await _fallen_back(exchange, go, other, entry)
        try:
            return await go(entry, replaceable=entry.fallback is not None)
        except AdapterError as error:
            # Nothing was written yet: from then on, errors are told in the stream.
            if entry.fallback is None or not is_of_the_engine(error):
                raise
        return await _fallen_back(exchange, go, entry.fallback, entry)

    return route


async def named(body: Json, *keys: str) -> Place | None:
    """Where the body names its model; None if it does not."""
    found = await aside(len(body), toplevel.texts, body)
    places = (found.get(key) for key in keys or ("model", "name"))
    return next((place for place in places if place and place.text.strip()), None)


async def known(state: State, place: Place | None) -> Entry | None:
    """The entry of a name, or None: whatever the reason, it is the handler's to tell."""
    try:
        return await state.look_up(place.text) if place else None
    except AdapterError:
        return None


async def by_need(state: State, entry: Entry, body: Json, *, embeds: bool) -> Entry:
    """The entry, or that of the model that does what it can't."""
    can = entry.capabilities
    other = ""
    if embeds:
        # Every model of an Ollama gives vectors, whatever it says of itself.
        other = "" if "embedding" in can or entry.verbatim else entry.embedding
    elif entry.vision and "vision" not in can and await aside(len(body), has_images, body):
        other = entry.vision
    if not other:
        return entry
    try:
        return await state.look_up(other) or entry
    except AdapterError:
        return entry


async def stand_in(state: State, entry: Entry) -> Entry | None:
    """What answers in the place of an entry, as long as it does; None: the entry itself."""
    if to := state.discovery.store.rolled_back_to:
        return phase_one(state, entry, to)
    if entry.fallback is None:
        return None
    if entry.gone:
        return entry.fallback
    health = state.engines[entry.upstream].health
    if health.up is None:
        try:
            await health.require()
        except UpstreamError:
            return entry.fallback
    return None if health.up else entry.fallback


def phase_one(state: State, entry: Entry, to: str) -> Entry | None:
    """What answers while everything is rolled back to one upstream."""
    if entry.upstream == to or to not in state.engines:
        return None
    if entry.fallback is not None and entry.fallback.upstream == to:
        return entry.fallback
    asked = names.parse(entry.listing.name)
    return (asked and state.discovery.catalog.at(to, asked)) or entry.fallback


def is_of_the_engine(error: AdapterError) -> bool:
    """Whether another engine may do better; a request that is at fault is so everywhere."""
    if isinstance(error, UpstreamRefused):
        return error.status >= 500
    # The model is known here: an engine that does not know it was started anew with others.
    return isinstance(error, (UpstreamError, ModelNotFound))


async def _fallen_back(exchange: Exchange, go: Way, other: Entry, entry: Entry) -> Reply | None:
    exchange.facts.fallback = other.upstream
    exchange.state.metrics.fell_back(entry.counted_as, other.upstream)
    return await go(other)


async def _go(
    exchange: Exchange,
    handler: Answering,
    body: Json,
    place: Place,
    entry: Entry,
    *,
    replaceable: bool = False,
) -> Reply | None:
    """`replaceable`: another model is asked if this one's engine is at fault."""
    if not entry.verbatim:
        exchange.routing.entry = entry
        return await handler(exchange)
    body, renaming = renamed(body, place, entry)
    return await pass_verbatim(exchange, entry, body, renaming, replaceable=replaceable)


def renamed(
    body: Json, place: Place, entry: Entry, key: str = "model"
) -> tuple[Json, Renaming | None]:
    """The body with Ollama's name for the model, if the client's is another; and the way back.

    `key` is that of the name in the answer.
    """
    served, asked = entry.target.served_name, names.parse(place.text)
    meant = names.parse(served)
    if asked is not None and meant is not None and asked.key == meant.key:
        return body, None
    return toplevel.replaced(body, place, served), Renaming(served, place.text, key)


async def found(exchange: Exchange, asked: str, missing: str) -> Entry:
    """The entry of the model that a handler is to ask, which is noted. Errors as of `find`."""
    routing = exchange.routing
    entry = routing.entry or await exchange.state.find(asked, missing, heard=routing.heard)
    concern(exchange.facts, entry)
    return entry


def refuse_verbatim(entry: Entry, unable: str) -> None:
    """Raises BadRequest for what no Ollama has a route for."""
    if entry.verbatim:
        raise BadRequest(unable)
