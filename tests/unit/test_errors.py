from __future__ import annotations

from typing import get_args

import pytest

from adapter import errors
from adapter.errors import AdapterError, ConfigError, Outcome, UpstreamError, UpstreamRefused


def family(kind: type[Exception]) -> list[type[Exception]]:
    return [kind, *(child for below in kind.__subclasses__() for child in family(below))]


def made(kind: type[AdapterError]) -> AdapterError:
    return kind("text", status=503) if issubclass(kind, UpstreamRefused) else kind("text")


@pytest.mark.parametrize("kind", family(AdapterError))
def test_every_error_has_a_status_an_outcome_and_its_text(kind: type[AdapterError]):
    error = made(kind)
    assert 400 <= error.status < 600
    assert error.outcome in get_args(Outcome)
    assert (error.message, str(error)) == ("text", "text")


@pytest.mark.parametrize("kind", family(AdapterError))
def test_a_503_tells_when_to_come_again(kind: type[AdapterError]):
    error = made(kind)
    assert (error.retry_after is not None) == (error.status in (429, 503))


@pytest.mark.parametrize("kind", family(AdapterError))
def test_blame_is_in_the_type(kind: type[AdapterError]):
    upstreams = issubclass(kind, UpstreamError)
    assert made(kind).outcome == ("upstream_fault" if upstreams else "refused")


@pytest.mark.parametrize(
    ("status", "outcome", "retry_after"),
    [
        (400, "refused", None),
        (404, "refused", None),
        (429, "refused", 2),
        (500, "upstream_fault", None),
        (503, "upstream_fault", 2),
    ],
)
def test_a_refusal_of_the_engine_is_somebodys_fault(status, outcome, retry_after):
    error = UpstreamRefused("text", status=status)
    assert (error.status, error.outcome, error.retry_after) == (status, outcome, retry_after)


def test_a_status_of_its_own_does_not_change_the_class():
    assert AdapterError("text", status=413).status == 413
    assert AdapterError("text").status == 500


def test_settings_that_cannot_work_are_no_answer_to_a_client():
    assert not issubclass(ConfigError, AdapterError)


def test_every_error_is_drawn_in_the_tree_at_the_head_of_the_module():
    for kind in [*family(AdapterError), ConfigError]:
        assert f" {kind.__name__} " in errors.__doc__, kind.__name__
