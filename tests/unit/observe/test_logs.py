from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from hypothesis import given

from adapter.observe.facts import Facts
from adapter.observe.logs import line, log_requests, log_upstream
from tests.unit.strategies import TEXTS

MS = 1_000_000
SHORT = Facts("id1", "GET", "/api/tags", 0, status=200, total=2 * MS)
LONG = Facts(
    request_id="id2",
    method="POST",
    route="/api/chat",
    started=0,
    model="nat:latest",
    upstream="llm",
    status=200,
    outcome="upstream_fault",
    error='it "broke"\nhere \\',
    prompt_tokens=7,
    generated_tokens=3,
    first_token=12_345_678,
    total=123_456_789,
)


def test_what_is_not_known_is_left_out():
    assert line(SHORT) == "method=GET route=/api/tags status=200 outcome=ok ms=2.0 id=id1"


def test_everything():
    assert line(LONG) == (
        "method=POST route=/api/chat status=200 outcome=upstream_fault ms=123.5 id=id2 "
        "model=nat:latest upstream=llm first_token_ms=12.3 tokens=7+3 "
        'error="it \\"broke\\"\\nhere \\\\"'
    )


def test_who_stood_in():
    facts = Facts("id", "POST", "/", 0, model="m:1", upstream="phase1", fallback="phase1")
    assert line(facts).endswith("id=id model=m:1 upstream=phase1 fallback=phase1")


def test_an_upstream_that_was_asked_for_no_model():
    facts = Facts("id", "POST", "/", 0, upstream="vision")
    assert line(facts).endswith("id=id upstream=vision")


@given(TEXTS.filter(bool))
def test_a_request_is_one_line_whatever_its_error_says(text: str):
    facts = Facts("id", "GET", "/", 0, error=text)
    assert line(facts).splitlines() == [line(facts)]
    assert min(line(facts)) >= " "  # no escape sequences for the terminal of a reader


def test_lines_go_to_their_loggers(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, logger="adapter"):
        log_requests([SHORT])
        log_upstream("llm", True, "")
        log_upstream("llm", False, "no\nkey")
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        ("adapter.access", "INFO", line(SHORT)),
        ("adapter", "INFO", "upstream=llm is up"),
        ("adapter", "WARNING", 'upstream=llm is down: "no\\nkey"'),
    ]


def test_nothing_is_written_where_nobody_reads(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING, logger="adapter"):
        log_requests([LONG])
    assert caplog.records == []


@pytest.mark.parametrize("route", ["/health", "/ready", "/metrics"])
def test_who_looks_every_few_seconds_is_told_of_only_when_it_goes_wrong(
    caplog: pytest.LogCaptureFixture, route: str
):
    with caplog.at_level(logging.INFO):
        log_requests([replace(SHORT, route=route)])
        log_requests([replace(SHORT, route=route, error="no engine answers")])
    [record] = caplog.records
    assert "no engine answers" in record.getMessage()
