"""From a request below /v1 to its answer: passed on, with names mapped in both directions."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from adapter.catalog.catalog import Entry
from adapter.errors import AdapterError, UpstreamBroken, UpstreamRefused
from adapter.observe.facts import Facts
from adapter.server.admission import Place
from adapter.server.middleware import note_failure
from adapter.server.replies import JSON, begin_stream
from adapter.server.state import FACTS, STATE
from adapter.translate.dialects import dialect_of, error_body
from adapter.translate.relay import Grammar, Relay
from adapter.translate.v1_answers import Change, whole
from adapter.upstream.client import Upstream
from adapter.upstream.form import Form
from adapter.upstream.stream import EngineStream

EVENT_STREAM = "text/event-stream"
_NO_STORED_ANSWER = "Response with id"

_log = logging.getLogger("adapter")


@dataclass(frozen=True, slots=True)
class Passed:
    """A request as the engine gets it, and what its answer has to become.

    `missing` and `unable` are told if the engine lacks the model or the route; `hides_usage`:
    the counts in a stream are asked for by the adapter alone.
    """

    path: str
    body: Mapping[str, Any] | Form
    asked: str
    missing: str
    unable: str
    grammar: Grammar
    changes: tuple[Change, ...] = ()
    keep_alive: float | None = None
    hides_usage: bool = False


async def pass_on(request: web.Request, entry: Entry, passed: Passed) -> web.StreamResponse:
    """Asks the engine, and answers in its words.

    Raises:
        AdapterError: before anything was written.
    """
    state, facts = request.app[STATE], request[FACTS]
    engine = state.engines[entry.upstream]
    with state.admission.enter() as place:
        await engine.health.require()
        with engine.asked(passed.missing, passed.unable):
            async with state.streams.opening():
                stream = await _open(engine.client, passed, facts)
        lasting = state.residency.in_use(entry.listing.name, passed.keep_alive)
        async with stream:
            with lasting, state.streams.counted(stream):
                if stream.content_type != EVENT_STREAM:
                    return await _whole(stream, passed, facts)
                relay = Relay(
                    passed.grammar,
                    entry.target.served_name,
                    passed.asked,
                    hides_usage=passed.hides_usage,
                )
                try:
                    return await _streamed(request, stream, relay, place)
                finally:
                    facts.prompt_tokens, facts.generated_tokens = relay.counts


async def _open(client: Upstream, passed: Passed, facts: Facts) -> EngineStream:
    headers = {"X-Request-Id": facts.request_id}
    try:
        return await client.open_answer(passed.path, passed.body, headers)
    except UpstreamRefused as error:
        if _NO_STORED_ANSWER in error.message:
            # A 404 that is not about the model: previous_response_id without a store.
            raise AdapterError(error.message, status=error.status) from None
        raise


async def _whole(stream: EngineStream, passed: Passed, facts: Facts) -> web.Response:
    """One object, or, of audio, plain text."""
    parts: list[bytes] = []
    while data := await stream.read():
        parts.append(data)
    body = b"".join(parts)
    if stream.content_type != "application/json":
        if not stream.content_type.startswith("text/") or stream.content_type == "text/html":
            raise UpstreamBroken("the engine sent a malformed answer")
        headers = {"Content-Type": stream.full_content_type}
        return web.Response(body=body, headers=headers)
    out, counts = whole(body, passed.asked, passed.changes)
    facts.prompt_tokens, facts.generated_tokens = counts
    return web.Response(body=out, headers={"Content-Type": JSON})


async def _streamed(
    request: web.Request, stream: EngineStream, relay: Relay, place: Place
) -> web.StreamResponse:
    """Events as they come. The status is sent with the first: a failure before it is raised."""
    state, facts = request.app[STATE], request[FACTS]
    response: web.StreamResponse | None = None
    while not relay.ended:
        out = await _step(stream, relay)
        if relay.token_seen and not facts.first_token:
            facts.first_token = state.clock() - facts.started
        if out and response is None:
            place.leave()
            response = await begin_stream(request, EVENT_STREAM)
        if out and response is not None:
            await response.write(out)
    if relay.fault and response is None:
        raise relay.fault
    assert response is not None  # what ends without a fault has written its end
    if relay.fault:
        note_failure(facts, relay.fault)
        if not relay.complete:
            await response.write(relay.error_event(_told(request, relay.fault)))
    await response.write_eof()
    if not relay.fault:
        await stream.drain()
    return response


async def _step(stream: EngineStream, relay: Relay) -> bytes:
    """Reads once; what there is to write for it. However the bytes end, the relay judges."""
    try:
        data = await stream.read()
    except AdapterError as error:
        return relay.finish(error)
    try:
        return relay.feed(data) if data else relay.finish()
    except Exception:
        # A fault of ours must not leave a stream half open, nor start a second answer in it.
        _log.exception("relaying a stream failed")
        relay.fault = UpstreamBroken("internal error of the adapter", status=500)
        return b""


def _told(request: web.Request, error: AdapterError) -> dict[str, Any]:
    facts = request[FACTS]
    return error_body(dialect_of(request.path), error.status, error.message, facts.request_id)
