"""Connections to Redis, and what their failures mean."""

from __future__ import annotations

from typing import Any

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    ConnectionError,
    ReadOnlyError,
    RedisError,
    TimeoutError,
)

from services.store.faults import StoreBusy, StoreFault

FAILURES = (RedisError, OSError)
SECONDS = 30
"""For an answer, and for a free connection."""
_CONNECT_SECONDS = 5
_WAITING = ("BUSY ", "MASTERDOWN ")
_MOST_AT_ONCE = 16


def pool(url: str, password: str | None) -> Any:
    """Raises TypeError or ValueError where the address has an option that can't be."""
    given = {"password": password} if password else {}
    return BlockingConnectionPool.from_url(
        url,
        max_connections=_MOST_AT_ONCE,
        timeout=SECONDS,
        protocol=2,
        socket_timeout=SECONDS,
        socket_connect_timeout=_CONNECT_SECONDS,
        # A connection that the server has closed meanwhile is noticed when it is used.
        retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
        **given,
    )


def passes(error: Exception) -> bool:
    """Whether the server is away, starts, is a replica that isn't ready or can't write, or is busy
    with something that is not ours."""
    if isinstance(error, AuthenticationError):
        return False
    away = isinstance(error, ConnectionError | TimeoutError | OSError)
    return away or isinstance(error, ReadOnlyError) or str(error).startswith(_WAITING)


def fault(error: Exception) -> StoreFault:
    told = "no answer in time" if isinstance(error, TimeoutError) else error
    return (StoreBusy if passes(error) else StoreFault)(f"the store: {told}")
