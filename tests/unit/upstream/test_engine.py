from __future__ import annotations

from typing import Any

import pytest

from adapter.errors import (
    AdapterError,
    EngineFault,
    ModelNotFound,
    UpstreamAway,
    UpstreamRefused,
    UpstreamUnreachable,
)
from adapter.upstream.engine import Engine


class Heard:
    """Stands where Health does, and remembers."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def suspect(self) -> None:
        self.calls.append("suspect")

    def doubt(self) -> None:
        self.calls.append("doubt")


@pytest.mark.parametrize(
    ("fault", "raised", "calls"),
    [
        (UpstreamAway("gone"), UpstreamAway, ["suspect"]),
        (UpstreamUnreachable("gone"), UpstreamUnreachable, ["suspect"]),
        (UpstreamRefused("no such model", status=404), ModelNotFound, ["doubt"]),
        (UpstreamRefused("bad", status=400), UpstreamRefused, []),
        (EngineFault("broke"), EngineFault, []),
    ],
)
def test_what_asking_shows(fault: AdapterError, raised: type[AdapterError], calls: list[str]):
    health: Any = Heard()
    client: Any = None
    with pytest.raises(raised) as seen, Engine(client, health).asked("model 'm' not found"):
        raise fault
    assert health.calls == calls
    expected = "model 'm' not found" if raised is ModelNotFound else fault.message
    assert seen.value.message == expected


def test_an_answer_shows_nothing():
    health: Any = Heard()
    client: Any = None
    with Engine(client, health).asked("missing"):
        pass
    assert health.calls == []
