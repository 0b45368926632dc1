"""How many requests run in the engine, by its own account."""

import asyncio
import contextlib
import time

import pytest

from tests.support.engine import Engine
from tests.support.raw_http import Connection

RUNNING = "vllm:num_requests_running"
PATIENCE = 60.0
"""vLLM's own figure lags behind on a busy machine. That the adapter lets go of a request at once
is shown in tests/faults."""


async def becomes(
    engine: Engine,
    number: int,
    *,
    or_more: bool = False,
    asked: Connection | None = None,
    within: float = PATIENCE,
) -> float:
    """Waits until so many requests run; how long it took. `asked`: whose answer is told if not."""
    began, seen = time.monotonic(), []
    while not seen or (seen[-1] < number if or_more else seen[-1] != number):
        if time.monotonic() - began > within:
            told = await _heard(asked) if asked else b""
            pytest.fail(
                f"{number} requests should run; seen in {within:g} s: {sorted(set(seen))}, last "
                f"{seen[-1]:g}; the client was told {told!r}; {engine.last_words()}"
            )
        seen.append(await asyncio.to_thread(engine.metric, RUNNING))
        await asyncio.sleep(0.02)
    return time.monotonic() - began


async def _heard(connection: Connection) -> bytes:
    """What has come on a connection, if anything."""
    with contextlib.suppress(TimeoutError):
        return await asyncio.wait_for(connection.reader.read(2**16), 1)
    return b""
