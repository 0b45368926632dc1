from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import AdapterError, Busy, PromptTooLong, RouteMissing, UpstreamRefused
from adapter.translate.refusals import INPUT_TOO_LONG, PROMPT_TOO_LONG, SERVER_BUSY, refusal
from tests.support.recordings import names, recording
from tests.unit.strategies import JSON

# Recording → class, status, what the client is told.
RECORDED = {
    "err_context": (PromptTooLong, 400, PROMPT_TOO_LONG),
    "qembed_too_long": (PromptTooLong, 400, PROMPT_TOO_LONG),
    "err_context_maxtok": (
        UpstreamRefused,
        400,
        "max_tokens=100000 cannot be greater than max_model_len=4096. Please request fewer output "
        "tokens. (parameter=max_tokens, value=100000)",
    ),
    "err_unknown_model": (
        UpstreamRefused,
        404,
        "The model `nope` does not exist. Valid aliases: tiny-chat, alias-chat.",
    ),
    "emb_on_chat": (RouteMissing, 404, "Not Found"),
    "err_queue_full": (Busy, 503, SERVER_BUSY),
    "err_no_api_key": (
        UpstreamRefused,
        502,
        "the engine refused the adapter's API key: Unauthorized",
    ),
    "nonstream_engine_killed": (
        UpstreamRefused,
        500,
        "EngineCore encountered an issue. See stack trace (above) for the root cause.",
    ),
}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_refusal(name: str):
    kind, status, text = RECORDED[name]
    found = recording(name)
    error = refusal(found.status, found.body)
    assert (type(error), error.status, error.message) == (kind, status, text)


@pytest.mark.parametrize("name", [name for name in names() if recording(name).status >= 400])
def test_no_recorded_refusal_loses_its_text_or_blames_the_wrong_side(name: str):
    found = recording(name)
    error = refusal(found.status, found.body)
    assert error.message
    assert not error.message.startswith(("{", "["))
    client = 400 <= found.status < 500 and found.status not in (401, 403)
    if isinstance(error, UpstreamRefused):
        assert error.outcome == ("refused" if client else "upstream_fault")


def test_the_routes_own_words_for_an_input_over_length():
    found = recording("qembed_too_long")
    assert refusal(400, found.body, too_long=INPUT_TOO_LONG).message == INPUT_TOO_LONG


@pytest.mark.parametrize(
    ("status", "body", "told", "message"),
    [
        (500, b"", 500, "the engine answered with status 500"),
        (500, b"null", 500, "the engine answered with status 500"),
        (500, b"{}", 500, "the engine answered with status 500"),
        (500, b"  Internal Server Error\n", 500, "Internal Server Error"),
        (502, b"<html>bad gateway</html>", 502, "<html>bad gateway</html>"),
        (500, b"\xff\xfe", 500, "\ufffd\ufffd"),
        (500, b"x" * 1000, 500, "x" * 500),
        (422, b'{"detail":[{"msg":"no"}]}', 422, '[{"msg":"no"}]'),
        (429, b'{"error":{"message":"slow down"}}', 429, "slow down"),
        (503, b'{"error":{"message":"loading"}}', 503, "loading"),
        (
            401,
            b'{"error":"Unauthorized"}',
            502,
            "the engine refused the adapter's API key: Unauthorized",
        ),
        (
            403,
            b"",
            502,
            "the engine refused the adapter's API key: the engine answered with status 403",
        ),
        (302, b"elsewhere", 502, "the engine answered with status 302"),
        (204, b"", 502, "the engine answered with status 204"),
    ],
)
def test_status_and_text(status: int, body: bytes, told: int, message: str):
    error = refusal(status, body)
    assert (error.status, error.message) == (told, message)


@pytest.mark.parametrize("status", [429, 503])
def test_who_may_come_again_is_told_when(status: int):
    assert refusal(status, b'{"error":"later"}').retry_after == 2
    assert refusal(500, b'{"error":"later"}').retry_after is None


@given(st.integers(100, 599), st.one_of(st.binary(max_size=40), JSON))
def test_any_answer_is_an_error_of_ours(status: int, body: object):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    error = refusal(status, raw)
    assert isinstance(error, AdapterError)
    assert 400 <= error.status < 600
    assert error.message
