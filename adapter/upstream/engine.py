"""An engine to ask: its client and its health, which learns from what the asking shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from adapter.errors import (
    BadRequest,
    ModelNotFound,
    RouteMissing,
    UpstreamAway,
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
        """Around a request to the client.

        An engine that is away is marked so; one that no longer knows the model was started anew
        with others, which is looked into.

        Raises:
            ModelNotFound: the engine does not have the model; `missing` is the text.
            BadRequest: the model's engine is not made for this; `unable` is the text.
        """
        try:
            yield
        except UpstreamAway as error:
            self.health.suspect(error)
            raise
        except RouteMissing as error:
            raise BadRequest(unable) from error
        except UpstreamRefused as error:
            if error.status != 404:
                raise
            self.health.doubt()
            raise ModelNotFound(missing) from error
