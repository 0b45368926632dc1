from __future__ import annotations

import json

import pytest
from hypothesis import given

from adapter.errors import AdapterError, BadRequest, Busy, UpstreamAway, UpstreamRefused
from adapter.server.replies import error_reply, json_bytes, json_reply, text_reply
from tests.unit.strategies import TEXTS


def test_json():
    reply = json_reply({"a": "\u2028"}, 201)
    assert (reply.status, reply.body) == (201, b'{"a":"\\u2028"}')
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    assert json_bytes(b"{}").status == 200


def test_text():
    reply = text_reply("404 page not found", 404)
    assert (reply.status, reply.body) == (404, b"404 page not found")
    assert reply.headers["Content-Type"] == "text/plain"


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (BadRequest("no"), 400, None),
        (BadRequest("no", status=413), 413, None),
        (Busy("no"), 503, "2"),
        (UpstreamAway("no"), 503, "2"),
        (UpstreamRefused("no", status=429), 429, "2"),
        (AdapterError("no"), 500, None),
    ],
)
def test_an_error(error: AdapterError, status: int, retry_after: str | None):
    reply = error_reply(error)
    assert (reply.status, reply.body) == (status, b'{"error":"no"}')
    assert reply.headers.get("Retry-After") == retry_after
    assert reply.headers["Content-Type"].startswith("application/json")


@given(TEXTS)
def test_an_errors_text_is_a_string_under_one_key(message: str):
    assert json.loads(error_reply(BadRequest(message)).body) == {"error": message}
