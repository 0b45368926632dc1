"""Every exception of a connection becomes one of ours."""

from __future__ import annotations

import socket
import ssl

import pytest

from adapter.errors import (
    UpstreamAway,
    UpstreamBroken,
    UpstreamCut,
    UpstreamError,
    UpstreamUnreachable,
)
from adapter.upstream.connection import Hung, NotHTTP
from adapter.upstream.faults import broken, not_connected


@pytest.mark.parametrize(
    ("error", "ours", "status", "text"),
    [
        (TimeoutError(), UpstreamUnreachable, 503, "the engine llm can't be reached"),
        (
            ConnectionRefusedError(111, "refused"),
            UpstreamAway,
            503,
            "the engine llm is not there or still loading",
        ),
        (ConnectionResetError(), UpstreamAway, 503, "the engine llm is not there or still loading"),
        (
            OSError(113, "no route"),
            UpstreamAway,
            503,
            "the engine llm is not there or still loading",
        ),
        (
            socket.gaierror(-2, "?"),
            UpstreamAway,
            503,
            "the engine llm is not there or still loading",
        ),
        (
            UnicodeError("label too long"),
            UpstreamAway,
            503,
            "the engine llm has a host name that is none",
        ),
        (
            OSError(24, "Too many open files"),
            UpstreamBroken,
            503,
            "the adapter has as many files open as it may",
        ),
        (
            ssl.SSLCertVerificationError(1, "self-signed"),
            UpstreamBroken,
            502,
            "the certificate of the engine llm is not trusted",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_while_connecting(error: Exception, ours: type[UpstreamError], status: int, text: str):
    found = not_connected(error, "llm")
    assert (type(found), found.status, found.message) == (ours, status, text)
    assert found.outcome == "upstream_fault"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Hung(), "the engine llm closed the connection"),
        (NotHTTP("Expected HTTP/"), "the engine llm sent what is no HTTP answer"),
        (ConnectionResetError(), "the connection to the engine llm broke"),
        (BrokenPipeError(), "the connection to the engine llm broke"),
        (ssl.SSLError("bad record"), "the connection to the engine llm broke"),
        (TimeoutError(), "the connection to the engine llm broke"),
        (ValueError("of a listener"), "the connection to the engine llm broke"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
class TestAfterTheQuestion:
    def test_before_the_answer_it_may_be_tried_again(self, error: Exception, text: str):
        found = broken(error, "llm", begun=False)
        assert (type(found), found.status, found.message) == (UpstreamBroken, 502, text)

    def test_within_the_answer_it_may_not(self, error: Exception, text: str):
        found = broken(error, "llm", begun=True)
        assert (type(found), found.status) == (UpstreamCut, 502)
        assert found.message == "the engine llm broke off its answer"


def test_what_is_no_connections_fault_is_not_mapped():
    with pytest.raises(ZeroDivisionError):
        not_connected(ZeroDivisionError(), "llm")
