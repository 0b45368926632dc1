"""What of the middleware is no socket: how an error is noted and answered."""

from __future__ import annotations

import pytest

from adapter.errors import AdapterError, BadRequest, UpstreamBroken, UpstreamRefused
from adapter.observe.facts import Facts
from adapter.server.observing import _SAFE_ID, failed, note_failure


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (BadRequest("no"), "refused"),
        (UpstreamBroken("no"), "upstream_fault"),
        (UpstreamRefused("no", status=404), "refused"),
        (UpstreamRefused("no", status=500), "upstream_fault"),
    ],
)
def test_a_failure_is_noted_and_answered(error: AdapterError, outcome: str):
    facts = Facts("id", "GET", "/", 0)
    reply = failed(facts, error)
    assert (facts.outcome, facts.error) == (outcome, "no")
    assert (reply.status, reply.body) == (error.status, b'{"error":"no"}')
    other = Facts("id", "GET", "/", 0)
    note_failure(other, error)
    assert other == facts


@pytest.mark.parametrize("given", ["a", "0b1c-2d", "x" * 128, "!~"])
def test_an_id_of_the_client_that_is_kept(given: str):
    assert _SAFE_ID.fullmatch(given)


@pytest.mark.parametrize("given", ["", "a b", "a\n", "é", "x" * 129, "a\x00", "a\r\nSet-Cookie: x"])
def test_an_id_of_the_client_that_is_not(given: str):
    assert not _SAFE_ID.fullmatch(given)
