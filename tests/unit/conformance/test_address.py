from __future__ import annotations

import pytest

from adapter.conformance.address import Unusable, checked_url, is_loopback, public


def test_addresses():
    assert checked_url("127.0.0.1:11434", False) == "http://127.0.0.1:11434"
    assert checked_url("http://localhost/under/", False) == "http://localhost/under"
    assert checked_url("https://localhost", False) == "https://localhost"
    assert checked_url("http://me:secret@[::1]:80", False) == "http://me:secret@[::1]:80"
    with pytest.raises(Unusable):
        checked_url("8.8.8.8", False)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (":11570", "http://127.0.0.1:11570"),
        ("http://:11570/under", "http://127.0.0.1:11570/under"),
        ("localhost", "http://localhost:11434"),
        ("localhost:", "http://localhost:11434"),
        ("", "http://127.0.0.1:11434"),
        ("localhost/under/", "http://localhost:11434/under"),
        ("[::1]", "http://[::1]:11434"),
        ("::1", "http://[::1]:11434"),
        ("me:secret@localhost", "http://me:secret@localhost:11434"),
    ],
)
def test_what_is_left_out_is_what_it_is_in_ollama_host(text: str, url: str):
    assert checked_url(text, False) == url


def test_loopback():
    urls = ["http://127.0.0.2", "http://[::1]:1", "http://localhost", "http://a.localhost"]
    assert all(map(is_loopback, urls))
    assert not any(map(is_loopback, ["http://0.0.0.0", "http://10.0.0.1", "http://localhost.com"]))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:secret@localhost:1/a", "http://localhost:1/a"),
        ("me:secret@localhost", "localhost"),
        ("https://me:s/e@c:ret@localhost", "https://localhost"),
        ("http://localhost", "http://localhost"),
        ("ftp://me:secret@localhost", "localhost"),
        (":11434", ":11434"),
    ],
)
def test_what_is_printed_of_an_address(text: str, shown: str):
    assert public(text) == shown
