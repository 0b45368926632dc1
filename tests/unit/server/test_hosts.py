from __future__ import annotations

import socket

import pytest

from adapter.server.hosts import allow, is_loopback, is_name


@pytest.mark.parametrize(
    ("header", "allowed"),
    [
        ("", True),
        ("localhost", True),
        ("LocalHost:11434", True),
        ("127.0.0.1", True),
        ("127.0.0.1:11434", True),
        ("127.9.9.9:1", True),
        ("[::1]:80", True),
        ("::1", True),
        ("0.0.0.0", True),
        ("192.168.1.9:11434", True),
        ("10.0.0.1", True),
        ("a.localhost", True),
        ("box.local", True),
        ("host.docker.internal:11434", True),
        (socket.gethostname(), True),
        ("8.8.8.8", False),
        ("[2001:4860:4860::8888]:80", False),
        ("example.com", False),
        ("foo.local.evil.com", False),
        ("localhost.evil.com", False),
        ("localhost:evil.com", False),
        ("local", False),
        ("a:b:c", False),
    ],
)
def test_who_may_be_called(header: str, allowed: bool):
    assert allow(header) is allowed


@pytest.mark.parametrize(
    ("listening", "loopback"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.9", False),
        ("box.local", False),
    ],
)
def test_where_the_guard_stands(listening: str, loopback: bool):
    assert is_loopback(listening) is loopback


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost:1", True),
        ("box.local", True),
        ("127.0.0.1:1", False),
        ("[::1]", False),
        ("", False),
    ],
)
def test_names_and_addresses(header: str, name: bool):
    assert is_name(header) is name
