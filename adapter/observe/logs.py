"""Log lines: `key=value` pairs on standard error, one line for each request."""

from __future__ import annotations

import functools
import json
import logging
import sys
import time
from collections.abc import Iterable

from adapter.observe.facts import Facts

access = logging.getLogger("adapter.access")
events = logging.getLogger("adapter")

_NS_PER_MS = 1e6
_PROBES = frozenset(("/health", "/ready", "/metrics"))
_configured = False
"""Until `configure`, requests' lines go wherever the program's logging sends them."""


def configure() -> None:
    """Sends the adapter's lines to standard error."""
    global _configured
    _configured = True
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    # What aiohttp logs there as errors are requests that are no HTTP: the client's fault.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


class _Formatter(logging.Formatter):
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return _time(record.created)


def _time(seconds: float) -> str:
    whole = int(seconds)
    return f"{_up_to_second(whole)},{int((seconds - whole) * 1000):03d}"


@functools.lru_cache(2)
def _up_to_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def log_requests(finished: Iterable[Facts]) -> None:
    """The access-log lines of some requests, but not of those by which machines look after
    this one: they come every few seconds."""
    finished = [facts for facts in finished if facts.route not in _PROBES or facts.error]
    if not _configured:
        for facts in finished:
            access.info(line(facts))
    else:
        # The same lines, without the logging module's record of each, which costs more than it.
        lines = [f"{_time(facts.ended_at)} INFO {line(facts)}\n" for facts in finished]
        sys.stderr.write("".join(lines))


def line(facts: Facts) -> str:
    """A request in one line; what is unknown is left out. Prompts and answers are never in it."""
    parts = [
        f"method={facts.method} route={facts.route} status={facts.status} "
        f"outcome={facts.outcome} ms={facts.total / _NS_PER_MS:.1f} id={facts.request_id}"
    ]
    if facts.model:
        parts.append(f"model={facts.model}")
    if facts.upstream:
        parts.append(f"upstream={facts.upstream}")
    if facts.fallback:
        parts.append(f"fallback={facts.fallback}")
    if facts.first_token:
        parts.append(f"first_token_ms={facts.first_token / _NS_PER_MS:.1f}")
    if facts.prompt_tokens or facts.generated_tokens:
        parts.append(f"tokens={facts.prompt_tokens}+{facts.generated_tokens}")
    if facts.error:
        # Escaped: an error may quote a client's words, which must not make a line of their own.
        parts.append(f"error={json.dumps(facts.error)}")
    return " ".join(parts)


def log_upstream(upstream: str, up: bool, reason: str) -> None:
    """An engine came or went."""
    if up:
        events.info("upstream=%s is up", upstream)
    else:
        events.warning("upstream=%s is down: %s", upstream, json.dumps(reason))
