"""The adapter that runs on this machine, asked by a command of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from yarl import URL

from adapter.errors import UpstreamBroken, UpstreamRefused
from adapter.settings import DEFAULT_PORT, Timeouts, split_host
from adapter.translate.reading import error_text
from adapter.upstream.pool import Pool

_NAME = "adapter"
_SECONDS = 15.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where one listens who listens everywhere."""


def address(ollama_host: str) -> str:
    """Where the adapter that is started with this OLLAMA_HOST answers."""
    host, port = split_host(ollama_host) if ollama_host else ("127.0.0.1", DEFAULT_PORT)
    host = _EVERYWHERE.get(host, host)
    scheme = "https" if ollama_host.startswith("https://") else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


async def ask(url: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What it answers to a POST.

    Raises:
        UpstreamError: it is not there, is no adapter, or refuses.
    """
    pool = Pool(URL(url), _NAME, _SECONDS, {"Content-Type": "application/json"})
    timeouts = Timeouts(first_byte=_SECONDS, idle=_SECONDS)
    try:
        async with await pool.ask("POST", path, {}, (orjson.dumps(body),), timeouts) as answer:
            told = await answer.read()
    finally:
        pool.close()
    try:
        value = orjson.loads(told)
    except orjson.JSONDecodeError:
        raise UpstreamBroken(f"what listens at {url} is no adapter that can do this") from None
    if answer.status != 200 or not isinstance(value, dict):
        raise UpstreamRefused(error_text(value), status=answer.status)
    return value
