"""What can go wrong on a connection → our errors."""

from __future__ import annotations

import errno
import ssl

from adapter.errors import (
    UpstreamAway,
    UpstreamBroken,
    UpstreamCut,
    UpstreamError,
    UpstreamUnreachable,
)
from adapter.upstream.connection import Hung, NotHTTP

# The first match counts, so the special ones stand before those they derive from.
_CONNECTING: tuple[tuple[type[Exception], type[UpstreamError], str], ...] = (
    (TimeoutError, UpstreamUnreachable, "the engine {name} can't be reached"),
    (ssl.SSLError, UpstreamBroken, "the certificate of the engine {name} is not trusted"),
    (OSError, UpstreamAway, "the engine {name} is not there or still loading"),
    (UnicodeError, UpstreamAway, "the engine {name} has a host name that is none"),
)
_ASKED: tuple[tuple[type[Exception], type[UpstreamError], str], ...] = (
    (Hung, UpstreamBroken, "the engine {name} closed the connection"),
    (NotHTTP, UpstreamBroken, "the engine {name} sent what is no HTTP answer"),
    (Exception, UpstreamBroken, "the connection to the engine {name} broke"),
)
_NO_FILES = (errno.EMFILE, errno.ENFILE)


def not_connected(error: OSError | UnicodeError, name: str) -> UpstreamError:
    """For a connection that could not be opened; `name` is the upstream's."""
    if isinstance(error, OSError) and error.errno in _NO_FILES:
        return UpstreamBroken("the adapter has as many files open as it may", status=503)
    return _first(_CONNECTING, error, name)


def broken(error: Exception, name: str, *, begun: bool) -> UpstreamError:
    """For a connection that ended before its answer did, or before that had `begun`."""
    if begun:
        return UpstreamCut(f"the engine {name} broke off its answer")
    return _first(_ASKED, error, name)


def _first(
    table: tuple[tuple[type[Exception], type[UpstreamError], str], ...], error: Exception, name: str
) -> UpstreamError:
    for theirs, ours, text in table:
        if isinstance(error, theirs):
            return ours(text.format(name=name))
    raise error
