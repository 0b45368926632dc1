"""Work that would keep others waiting, done beside the event loop.

A thread is no second processor: one piece of Python runs at a time, and one call into C is not
interrupted. What helps is that the work is many short calls, and that their turns are short.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

LARGE = 2**15
"""Bytes of JSON from which on it is. This many in the smallest of messages take 3 ms."""
_TURN_SECONDS = 0.0002
"""How long the loop waits for its turn, at each event; Python's own 5 ms add up."""
_THREADS = 2
"""The more there are, the later it is the loop's turn."""


def _begin() -> None:
    sys.setswitchinterval(_TURN_SECONDS)


_POOL = ThreadPoolExecutor(_THREADS, thread_name_prefix="aside", initializer=_begin)


async def aside(size: int, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What `work` returns or raises: done here if it is about a few bytes, in a thread if not.

    `work` must be pure: a caller that is cancelled leaves it running.
    """
    if size < LARGE:
        return work(*args, **kwargs)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_POOL, lambda: work(*args, **kwargs))
