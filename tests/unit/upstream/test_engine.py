from __future__ import annotations

from typing import Any

import pytest

from adapter.errors import (
    AdapterError,
    BadRequest,
    EngineFault,
    ModelNotFound,
    RouteMissing,
    UpstreamAway,
    UpstreamRefused,
    UpstreamUnreachable,
)
from adapter.upstream.engine import Engine

MISSING, UNABLE = "model 'm' not found", '"m" does not support chat'


class Heard:
    """Stands where Health does, and remembers."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def suspect(self, reason: AdapterError) -> None:
        self.calls.append(f"suspect: {reason.message}")

    def doubt(self) -> None:
        self.calls.append("doubt")


@pytest.mark.parametrize(
    ("fault", "raised", "calls"),
    [
        (UpstreamAway("gone"), UpstreamAway, ["suspect: gone"]),
        (UpstreamUnreachable("gone"), UpstreamUnreachable, ["suspect: gone"]),
        (UpstreamRefused("no such model", status=404), ModelNotFound, ["doubt"]),
        (UpstreamRefused("bad", status=400), UpstreamRefused, []),
        (RouteMissing("Not Found", status=404), BadRequest, []),
        (EngineFault("broke"), EngineFault, []),
    ],
)
def test_what_asking_shows(fault: AdapterError, raised: type[AdapterError], calls: list[str]):
    health: Any = Heard()
    client: Any = None
    with pytest.raises(raised) as seen, Engine(client, health).asked(MISSING, UNABLE):
        raise fault
    assert health.calls == calls
    assert seen.value.message == {ModelNotFound: MISSING, BadRequest: UNABLE}.get(
        raised, fault.message
    )


def test_an_answer_shows_nothing():
    health: Any = Heard()
    client: Any = None
    with Engine(client, health).asked(MISSING, UNABLE):
        pass
    assert health.calls == []
