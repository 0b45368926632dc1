"""Log lines: `key=value` pairs on standard error, one line for each request."""

from __future__ import annotations

import json
import logging

from adapter.observe.facts import Facts

access = logging.getLogger("adapter.access")
events = logging.getLogger("adapter")

_NS_PER_MS = 1e6


def configure() -> None:
    """Sends the adapter's lines to standard error."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    # What aiohttp logs there as errors are requests that are no HTTP: the client's fault.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


def log_request(facts: Facts) -> None:
    """The access-log line of a finished request."""
    if access.isEnabledFor(logging.INFO):
        access.info(line(facts))


def line(facts: Facts) -> str:
    """A request in one line; what is unknown is left out. Prompts and answers are never in it."""
    pairs: dict[str, object] = {
        "method": facts.method,
        "route": facts.route,
        "status": facts.status,
        "outcome": facts.outcome,
        "ms": f"{facts.total / _NS_PER_MS:.1f}",
        "id": facts.request_id,
    }
    if facts.model:
        pairs |= {"model": facts.model, "upstream": facts.upstream}
    if facts.first_token:
        pairs["first_token_ms"] = f"{facts.first_token / _NS_PER_MS:.1f}"
    if facts.prompt_tokens or facts.generated_tokens:
        pairs["tokens"] = f"{facts.prompt_tokens}+{facts.generated_tokens}"
    if facts.error:
        # Escaped: an error may quote a client's words, which must not make a line of their own.
        pairs["error"] = json.dumps(facts.error)
    return " ".join(f"{key}={value}" for key, value in pairs.items())


def log_upstream(upstream: str, up: bool, reason: str) -> None:
    """An engine came or went."""
    if up:
        events.info("upstream=%s is up", upstream)
    else:
        events.warning("upstream=%s is down: %s", upstream, json.dumps(reason))
