"""The event loop of the benchmark's own processes: the fastest there is, lest they be a brake."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Coroutine
from typing import Any


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs it on uvloop where that is installed."""
    with asyncio.Runner(loop_factory=_factory()) as runner:
        runner.run(main)


def _factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def allow_many_files() -> int:
    """Raises this process's limit of file descriptors (children inherit it), and returns it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most
