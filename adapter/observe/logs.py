"""Log lines: `key=value` pairs on standard error, one line for each request."""

from __future__ import annotations

import functools
import json
import logging
import time

from adapter.observe.facts import Facts

access = logging.getLogger("adapter.access")
events = logging.getLogger("adapter")

_NS_PER_MS = 1e6
_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def configure() -> None:
    """Sends the adapter's lines to standard error."""
    logging.basicConfig(format=_FORMAT, level=logging.INFO)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_Formatter(_FORMAT))
    # What no line shows need not be found out for each (as the standard library's own advice has
    # it, in "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    # What aiohttp logs there as errors are requests that are no HTTP: the client's fault.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


class _Formatter(logging.Formatter):
    """Prints the second once for all lines of it: that costs as much as the rest of a line."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        second = int(record.created)
        return f"{_local(second)},{int(record.msecs):03d}"


@functools.lru_cache(2)
def _local(second: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))


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
