"""Around every request: an id, a clock, and what is remembered of it; errors become answers."""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Awaitable
from typing import TypeVar

from adapter.errors import AdapterError
from adapter.observe.facts import Facts
from adapter.server.replies import Reply, error_reply
from adapter.server.state import State
from adapter.translate.dialects import dialect_of

R = TypeVar("R")

REQUEST_ID = "X-Request-Id"
UPSTREAM = "X-Adapter-Upstream"
FALLBACK = "X-Adapter-Fallback"
TRUNCATED = "X-Adapter-Truncated"
QUEUE = "X-Adapter-Queue-Ms"
TIMING = "Server-Timing"
CLIENT_CLOSED_REQUEST = 499
_SAFE_ID = re.compile(r"[\x21-\x7e]{1,128}")

_log = logging.getLogger("adapter")


def begun(state: State, method: str, route: str, given_id: str) -> Facts:
    """What is remembered of a request that begins now; `given_id` is the client's, or empty."""
    facts = Facts(
        request_id=given_id if _SAFE_ID.fullmatch(given_id) else f"{random.getrandbits(128):032x}",
        method=method,
        route=route,
        started=state.clock(),
    )
    state.metrics.begin(facts)
    return facts


async def recorded(state: State, facts: Facts, answering: Awaitable[R]) -> R:
    """What `answering` returns; what became of the request is recorded.

    Raises:
        asyncio.CancelledError, ConnectionResetError: the client hung up. Normal; what the handler
            held is closed on its way out.
    """
    try:
        return await answering
    except (asyncio.CancelledError, ConnectionResetError):
        facts.outcome, facts.status = "client_gone", CLIENT_CLOSED_REQUEST
        raise
    finally:
        facts.total = state.clock() - facts.started
        state.ledger.finished(facts)


def failed(facts: Facts, error: AdapterError, path: str = "/") -> Reply:
    """The answer for an error, which is noted, in the dialect of the path."""
    note_failure(facts, error)
    return error_reply(error, dialect_of(path), facts.request_id)


def stumbled(facts: Facts, path: str) -> Reply:
    """The answer for the exception that is being handled, a fault of ours."""
    _log.exception("request %s failed", facts.request_id)
    return failed(facts, AdapterError("internal error of the adapter"), path)


def note_failure(facts: Facts, error: AdapterError) -> None:
    facts.outcome = error.outcome
    facts.error = error.message


def own_headers(state: State, facts: Facts) -> dict[str, str]:
    """Every answer carries its request's id, and which engine it is about; one to a shortened
    prompt says so, and one of another engine than the model's. An engine's tells how long it was
    until the engine was asked, and from then until now, when the answer begins."""
    headers = {REQUEST_ID: facts.request_id}
    if facts.upstream:
        headers[UPSTREAM] = facts.upstream
    if facts.fallback:
        headers[FALLBACK] = facts.fallback
    if facts.truncated:
        headers[TRUNCATED] = facts.truncated
    if facts.asked:
        waited, upstream = facts.asked - facts.started, state.clock() - facts.asked
        headers[QUEUE] = str(waited // 1_000_000)
        headers[TIMING] = f"queue;dur={waited / 1e6:.2f}, upstream;dur={upstream / 1e6:.2f}"
    return headers
