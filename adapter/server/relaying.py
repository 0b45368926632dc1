"""From a request below /v1 to its answer: passed on, with names mapped in both directions."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapter.aside import aside
from adapter.catalog.catalog import Entry
from adapter.errors import AdapterError, UpstreamBroken, UpstreamRefused
from adapter.observe.facts import Facts
from adapter.server.exchange import Exchange, handed_on, weight
from adapter.server.replies import EVENT_STREAM, Reply, json_bytes
from adapter.server.streaming import streamed
from adapter.translate.dialects import dialect_of, error_body
from adapter.translate.relay import Grammar, Relay
from adapter.translate.v1_answers import Change, whole
from adapter.upstream.answer import Answer
from adapter.upstream.client import Upstream
from adapter.upstream.form import Form

_NO_STORED_ANSWER = "Response with id"


@dataclass(frozen=True, slots=True)
class Passed:
    """A request as the engine gets it, and what its answer has to become.

    `missing` and `unable` are told if the engine lacks the model or the route; `hides_usage`:
    the counts in a stream are asked for by the adapter alone; `may_be_text`: a whole answer may be
    text, as that of audio is.
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
    may_be_text: bool = False


async def pass_on(exchange: Exchange, entry: Entry, passed: Passed) -> Reply | None:
    """Asks the engine, and answers in its words.

    Raises:
        AdapterError: before anything was written.
    """
    state, facts = exchange.state, exchange.facts
    engine = state.engines[entry.upstream]
    with state.admission.enter() as place:
        await engine.health.require()
        with engine.asked(passed.missing, passed.unable), state.streams.opening():
            stream = await _open(engine.client, passed, exchange, entry)
        lasting = state.residency.in_use(entry.listing.name, passed.keep_alive)
        async with stream:
            with lasting, state.streams.counted(stream):
                if stream.content_type != EVENT_STREAM:
                    return await _whole(stream, passed, facts)
                relay = Relay(
                    passed.grammar,
                    entry.target.served_name,
                    passed.asked,
                    place.leave,
                    hides_usage=passed.hides_usage,
                )
                try:
                    told = functools.partial(_told, exchange, relay)
                    await streamed(exchange, stream, relay, EVENT_STREAM, told)
                    return None
                finally:
                    facts.prompt_tokens, facts.generated_tokens = relay.counts
                    if relay.first_token:
                        facts.first_token = relay.first_token - facts.started


async def _open(client: Upstream, passed: Passed, exchange: Exchange, entry: Entry) -> Answer:
    try:
        size = weight(exchange, entry.target)
        return await client.open_answer(passed.path, passed.body, handed_on(exchange), size)
    except UpstreamRefused as error:
        if _NO_STORED_ANSWER in error.message:
            # A 404 that is not about the model: previous_response_id without a store.
            raise AdapterError(error.message, status=error.status) from None
        raise


async def _whole(stream: Answer, passed: Passed, facts: Facts) -> Reply:
    """One object, or, of audio, plain text."""
    body = await stream.read()
    if stream.content_type != "application/json":
        is_text = stream.content_type.startswith("text/") and stream.content_type != "text/html"
        if not (passed.may_be_text and is_text):
            raise UpstreamBroken("the engine sent a malformed answer")
        return Reply(body, headers={"Content-Type": stream.headers["content-type"]})
    out, counts = await aside(len(body), whole, body, passed.asked, passed.changes)
    facts.prompt_tokens, facts.generated_tokens = counts
    return json_bytes(out)


def _told(exchange: Exchange, relay: Relay, error: AdapterError) -> bytes:
    """What tells of an error at the end; nothing if the engine's own words do."""
    if relay.complete:
        return b""
    dialect, request_id = dialect_of(exchange.path), exchange.facts.request_id
    return relay.error_event(error_body(dialect, error.status, error.message, request_id))
