"""An engine to ask: its client and its health, which learns from what the asking shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from adapter.errors import (
    AdapterError,
    BadRequest,
    ModelNotFound,
    RouteMissing,
    UpstreamAway,
    UpstreamError,
    UpstreamRefused,
)
from adapter.upstream.client import Upstream
from adapter.upstream.health import Health


@dataclass(frozen=True, slots=True)
class Engine:
    client: Upstream
    health: Health

    @contextmanager
    def asked(self, missing: str, unable: str) -> Iterator[None]:
        """Around a request to the client: what it raises is told as of `explained`."""
        try:
            yield
        except UpstreamError as error:
            raise self.explained(error, missing, unable) from None

    def explained(self, error: UpstreamError, missing: str, unable: str) -> AdapterError:
        """What a client is told of a request that failed.

        An engine that is away is marked so; one that no longer knows the model was started anew
        with others, which is looked into.

        It is ModelNotFound with the text `missing` if the engine does not have the model, and
        BadRequest with the text `unable` if the model's engine is not made for this.
        """
        if isinstance(error, UpstreamAway):
            self.health.suspect(error)
        elif isinstance(error, RouteMissing):
            return BadRequest(unable)
        elif isinstance(error, UpstreamRefused) and error.status == 404:
            self.health.doubt()
            return ModelNotFound(missing)
        return error
