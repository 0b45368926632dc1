from __future__ import annotations

import pytest

from adapter.server.origins import Origins, is_same


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost", True),
        ("https://localhost", True),
        ("http://LOCALHOST:3000", True),
        ("https://127.0.0.1:8443", True),
        ("http://0.0.0.0:5173", True),
        ("app://obsidian.md", True),
        ("file://", True),
        ("tauri://localhost", True),
        ("vscode-webview://abc", True),
        ("vscode-file://vscode-app", True),
        ("null", False),
        ("", False),
        ("http://[::1]:3000", False),
        ("http://192.168.1.9", False),
        ("chrome-extension://abcdef", False),
        ("http://localhost:", False),
        ("http://localhost:evil.com", False),
        ("http://localhost:80.evil.com", False),
        ("http://localhost.evil.com", False),
        ("http://localhost\n:3000", False),
        ("http://127x0y0z1", False),
    ],
)
def test_ollamas_own_list(origin: str, allowed: bool):
    assert Origins().allow(origin) is allowed


@pytest.mark.parametrize(
    ("added", "origin", "allowed"),
    [
        ("https://chat.example.com", "https://chat.example.com", True),
        ("https://chat.example.com", "https://chat.example.com:8443", False),
        ("https://*.example.com", "https://a.b.example.com", True),
        ("https://*.example.com", "https://example.com", False),
        ("http://box:*", "http://box:8080", True),
        ("http://box:*", "http://box:8080.evil.com", False),
        ("chrome-extension://*", "chrome-extension://abcdef", True),
    ],
)
def test_what_an_operator_adds(added: str, origin: str, allowed: bool):
    origins = Origins([added])
    assert origins.allow(origin) is allowed
    assert origins.allow("http://localhost:3000")


def test_an_allowed_page_is_named_and_everybody_is_a_star():
    page = "http://localhost:3000"
    assert Origins().headers(page) == {"Access-Control-Allow-Origin": page, "Vary": "Origin"}
    everybody = Origins(["*"])
    assert everybody.allow("null")
    assert everybody.headers("null") == {"Access-Control-Allow-Origin": "*"}


def test_a_preflight_is_told_what_may_be_sent():
    headers = Origins().headers("app://x", preflight=True)
    assert headers["Access-Control-Allow-Methods"] == "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS"
    assert headers["Access-Control-Max-Age"] == "43200"
    assert headers["Access-Control-Allow-Headers"] == (
        "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,"
        "X-Stainless-Arch,X-Stainless-Async,X-Stainless-Custom-Poll-Interval,"
        "X-Stainless-Helper-Method,X-Stainless-Lang,X-Stainless-Os,X-Stainless-Package-Version,"
        "X-Stainless-Poll-Helper,X-Stainless-Retry-Count,X-Stainless-Runtime,"
        "X-Stainless-Runtime-Version,X-Stainless-Timeout"
    )
    assert headers["Vary"] == (
        "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    )
    assert "Access-Control-Allow-Credentials" not in headers


def test_a_page_of_this_server_is_no_stranger():
    assert is_same("http://127.0.0.1:11434", "127.0.0.1:11434")
    assert is_same("https://box.local", "box.local")
    assert not is_same("http://127.0.0.1:11435", "127.0.0.1:11434")
