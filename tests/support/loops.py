"""The event loops on which the adapter may run: uvloop where it is installed, else asyncio's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

BOTH: Mapping[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
try:
    import uvloop
except ImportError:
    pass
else:
    BOTH = {**BOTH, "uvloop": uvloop.new_event_loop}
