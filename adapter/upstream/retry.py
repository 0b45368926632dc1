"""What may be tried again: a connection refused or dropped before the engine said anything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from adapter.errors import UpstreamAway, UpstreamBroken, UpstreamError

T = TypeVar("T")

# These themselves, not what derives from them: who waited for a connection does not wait again.
_SAFE = (UpstreamAway, UpstreamBroken)
_FIRST_WAIT, _LONGEST_WAIT = 0.05, 0.2  # seconds: a client is told within one


async def with_retries(attempt: Callable[[], Awaitable[T]], retries: int) -> T:
    """The result of `attempt`, which must not have shown the client anything when it fails.

    The first attempt is plain: tenacity costs as much as the rest of a short request.
    """
    try:
        return await attempt()
    except UpstreamError as error:
        if retries <= 0 or not _is_safe(error):
            raise
    return await AsyncRetrying(
        retry=retry_if_exception(_is_safe),
        stop=stop_after_attempt(retries),
        wait=wait_random_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT),
        reraise=True,
    )(attempt)


def _is_safe(error: BaseException) -> bool:
    return type(error) in _SAFE
