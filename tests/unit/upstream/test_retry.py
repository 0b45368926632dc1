from __future__ import annotations

import pytest

from adapter.errors import (
    AdapterError,
    BadRequest,
    Busy,
    EngineFault,
    UpstreamAway,
    UpstreamBroken,
    UpstreamRefused,
    UpstreamSilent,
    UpstreamUnreachable,
)
from adapter.upstream import retry
from adapter.upstream.retry import with_retries


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retry, "_FIRST_WAIT", 0.0)
    monkeypatch.setattr(retry, "_LONGEST_WAIT", 0.0)


class Attempts:
    """Raises what it is given, one for each attempt, and answers after that."""

    def __init__(self, *errors: Exception) -> None:
        self.count = 0
        self._errors = errors

    async def __call__(self) -> str:
        self.count += 1
        if self.count <= len(self._errors):
            raise self._errors[self.count - 1]
        return "answer"


async def test_the_first_attempt_is_enough():
    attempts = Attempts()
    assert await with_retries(attempts, 2) == "answer"
    assert attempts.count == 1


@pytest.mark.parametrize("error", [UpstreamAway("away"), UpstreamBroken("reset")])
@pytest.mark.parametrize("failures", [1, 2])
async def test_a_connection_refused_or_dropped_is_tried_again(error: Exception, failures: int):
    attempts = Attempts(*[error] * failures)
    assert await with_retries(attempts, 2) == "answer"
    assert attempts.count == failures + 1


@pytest.mark.parametrize("retries", [0, 1, 2, 5])
async def test_so_often_and_no_more(retries: int):
    attempts = Attempts(*[UpstreamAway("away")] * 9)
    with pytest.raises(UpstreamAway):
        await with_retries(attempts, retries)
    assert attempts.count == retries + 1


NEVER = [
    BadRequest("x"),
    Busy("x"),
    EngineFault("x"),
    UpstreamSilent("x"),
    UpstreamUnreachable("x"),
    UpstreamRefused("x", status=400),
    UpstreamRefused("x", status=404),
    UpstreamRefused("x", status=500),
    AdapterError("x"),
    ZeroDivisionError(),
]


@pytest.mark.parametrize("error", NEVER, ids=lambda error: type(error).__name__)
async def test_what_the_engine_said_or_may_have_begun_is_not_repeated(error: Exception):
    attempts = Attempts(error)
    with pytest.raises(type(error)):
        await with_retries(attempts, 5)
    assert attempts.count == 1


async def test_another_error_on_the_way_ends_it():
    attempts = Attempts(UpstreamAway("away"), BadRequest("x"))
    with pytest.raises(BadRequest):
        await with_retries(attempts, 5)
    assert attempts.count == 2


async def test_the_last_error_is_the_one_told():
    attempts = Attempts(UpstreamAway("first"), UpstreamBroken("last"))
    with pytest.raises(UpstreamBroken, match="last"):
        await with_retries(attempts, 1)
