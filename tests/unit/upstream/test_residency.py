from __future__ import annotations

import math

import pytest

from adapter.duration import keep_alive_seconds
from adapter.translate.timestamps import rfc3339
from adapter.upstream.residency import Residency

NOW = 1_795_227_526 * 10**9
SECOND = 10**9


class Clock:
    now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.mark.parametrize(
    ("keep_alive", "expires_at"),
    [
        (300.0, NOW + 300 * SECOND),
        (0.5, NOW + SECOND // 2),
        (0.0, None),
        (None, NOW + 60 * SECOND),
    ],
)
def test_a_model_stays_for_as_long_as_was_asked(keep_alive, expires_at):
    residency = Residency(60.0, Clock())
    residency.use("m", keep_alive)
    assert residency.expires_at("m") == expires_at


def test_it_goes_when_its_time_is_over():
    clock = Clock()
    residency = Residency(math.inf, clock)
    residency.use("m", 10.0)
    clock.now = NOW + 10 * SECOND - 1
    assert residency.expires_at("m") == NOW + 10 * SECOND
    clock.now = NOW + 10 * SECOND
    assert residency.expires_at("m") is None
    residency.use("m", 10.0)
    assert residency.expires_at("m") == NOW + 20 * SECOND


def test_for_ever_is_as_far_away_as_ollama_says_it():
    residency = Residency(60.0, Clock())
    residency.use("m", math.inf)
    assert rfc3339(residency.expires_at("m")).startswith("2318-")


def test_a_model_that_nobody_used_is_there_as_the_engine_holds_it():
    assert Residency(60.0, Clock()).expires_at("m") > NOW


def test_an_unloaded_model_is_gone_until_it_is_used_again():
    residency = Residency(60.0, Clock())
    residency.release("m")
    assert residency.expires_at("m") is None
    assert residency.expires_at("other") is not None
    residency.use("m", None)
    assert residency.expires_at("m") == NOW + 60 * SECOND


@pytest.mark.parametrize("asked", [9e9, 1e10, 1e12, 1e300, -1e300, "2562047h"])
def test_any_time_that_a_client_may_ask_for_can_be_printed(asked: float | str):
    seconds = keep_alive_seconds(asked)
    by_request, by_default = Residency(60.0, Clock()), Residency(seconds, Clock())
    by_request.use("m", seconds)
    by_default.use("m", None)
    for residency in (by_request, by_default):
        assert "2300" < rfc3339(residency.expires_at("m")) < "2320"


def test_a_model_in_use_stays_for_its_time_after_its_last_user():
    clock = Clock()
    residency = Residency(60.0, clock)
    with residency.in_use("m", 0.0):
        with residency.in_use("m", 10.0):
            clock.now += 30 * SECOND
            assert residency.expires_at("m") is not None
        assert residency.expires_at("m") == clock.now + 10 * SECOND
        clock.now += 20 * SECOND
        assert residency.expires_at("m") == clock.now + 10 * SECOND
    assert residency.expires_at("m") is None
