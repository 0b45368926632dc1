from __future__ import annotations

import socket

import pytest
from services.kit.guard import Guard

from tests.services.house import Rag, Stack
from tests.support.raw_http import send

LOCAL = Guard("127.0.0.1")


@pytest.mark.parametrize(
    "host",
    [
        *("", "localhost", "LOCALHOST:8888", "127.0.0.1:8888", "[::1]:8888", "192.168.1.7"),
        *(
            "rag",
            "rag-dataprep:6007",
            "rag.localhost",
            "printer.local:80",
            "host.docker.internal",
            socket.gethostname(),
        ),
    ],
)
def test_names_of_this_machine(host: str):
    assert LOCAL.knows(host)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8888", "localhost.evil.example"])
def test_names_that_are_made_to_mean_it(host: str):
    assert not LOCAL.knows(host)
    assert not Guard("::1").knows(host)
    assert not Guard("[::1]").knows(host)
    assert not Guard("localhost").knows(host)
    assert Guard("0.0.0.0").knows(host), "whoever listens to all has a name that we don't know"


@pytest.mark.parametrize(
    "origin", ["http://localhost", "https://localhost:5173", "http://127.0.0.1:80", "http://[::1]"]
)
def test_pages_of_this_machine(origin: str):
    assert LOCAL.allows(origin)


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "null", "file://", "http://localhost.evil.example", "http://["),
        *("http://192.168.1.7", "http://localhost@evil.example", "chrome-extension://localhost"),
    ],
)
def test_other_pages(origin: str):
    assert not LOCAL.allows(origin)
    assert Guard("127.0.0.1", ["*"]).allows(origin)


def test_pages_that_the_operator_allows():
    guard = Guard("0.0.0.0", [" https://Ui.example/ ", "", " http://a:1"])
    assert guard.allows("https://ui.example")
    assert guard.allows("http://a:1")
    assert not guard.allows("http://a:2")
    assert not guard.allows("http://ui.example")


def test_a_proxy_that_the_operator_names():
    assert Guard("127.0.0.1", ["https://ui.example"]).knows("ui.example")
    assert not Guard("127.0.0.1", ["https://ui.example"]).knows("evil.example")
    assert Guard("127.0.0.1", ["*"]).knows("any.example")


async def test_by_the_origin(rag: Rag):
    own = f"127.0.0.1:{rag.ports['chatqna_port']}"
    for origin, status in (
        (f"http://{own}", 200),
        ("http://localhost:5173", 200),
        ("http://evil.example", 403),
        ("null", 403),
    ):
        reply = await rag.get("chatqna", "/v1/models", headers={"Host": own, "Origin": origin})
        assert reply.status == status
        foreign = status == 200 and own not in origin
        allowed = reply.headers.get("access-control-allow-origin")
        assert allowed == (origin if foreign else None)
        assert ("vary" in reply.headers) == foreign


async def test_by_the_host(rag: Rag):
    reply = await rag.get("chatqna", "/", headers={"Host": "evil.example"})
    assert reply.status == 403
    assert (
        reply.json["error"]["message"] == "evil.example is no name of this server: see RAG_ORIGINS"
    )


async def test_a_preflight(rag: Rag):
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-a"}
    for origin, status in (("http://localhost:1", 204), ("http://evil.example", 403)):
        headers = {"Origin": origin, **asked}
        reply = await send(rag.url("chatqna"), "OPTIONS", "/v1/chatqna", headers=headers)
        assert reply.status == status
        if status == 204:
            assert reply.headers["access-control-allow-headers"] == "x-a"
            assert reply.headers["access-control-allow-methods"] == "*"


async def test_open_as_opea_has_it(stack: Stack):
    async with stack.up(origins="*") as rag:
        reply = await rag.get("chatqna", "/v1/models", headers={"Origin": "http://any.example"})
        assert reply.status == 200
        assert reply.headers["access-control-allow-origin"] == "http://any.example"
