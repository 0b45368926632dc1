"""aiohttp's exceptions → ours. They go no further than this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from adapter.errors import (
    UpstreamAway,
    UpstreamBroken,
    UpstreamCut,
    UpstreamError,
    UpstreamSilent,
    UpstreamUnreachable,
)

# The first match counts, so the special ones stand before those they derive from.
_TABLE: tuple[tuple[type[BaseException], type[UpstreamError], str], ...] = (
    (aiohttp.ConnectionTimeoutError, UpstreamUnreachable, "the engine {name} can't be reached"),
    (TimeoutError, UpstreamSilent, "the engine {name} did not answer in time"),
    (aiohttp.ClientSSLError, UpstreamBroken, "the certificate of the engine {name} is not trusted"),
    (
        aiohttp.ClientConnectorError,
        UpstreamAway,
        "the engine {name} is not there or still loading",
    ),
    (aiohttp.ServerDisconnectedError, UpstreamBroken, "the engine {name} closed the connection"),
    (aiohttp.ClientOSError, UpstreamBroken, "the connection to the engine {name} broke"),
    (aiohttp.ClientPayloadError, UpstreamCut, "the engine {name} broke off its answer"),
    (aiohttp.ClientError, UpstreamBroken, "the engine {name} sent what is no HTTP answer"),
    (OSError, UpstreamBroken, "the connection to the engine {name} broke"),
)


def fault_of(error: BaseException, name: str) -> UpstreamError:
    """Our error for one of aiohttp's; `name` is the upstream's."""
    for theirs, ours, text in _TABLE:
        if isinstance(error, theirs):
            return ours(text.format(name=name))
    raise error


@contextmanager
def border(name: str) -> Iterator[None]:
    """Lets no exception of aiohttp or the socket out."""
    try:
        yield
    except (aiohttp.ClientError, OSError) as error:
        raise fault_of(error, name) from error
