"""Pages of other origins, and names that this server does not have."""

import pytest

from tests.support.raw_http import send
from tests.support.serve import serving

CHAT = b'{"model":"tiny-chat","messages":[{"role":"user","content":"hi"}]}'
PAGE = "http://localhost:3000"
PAGES = [PAGE, "tauri://localhost", "tauri://app.example"]


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_that_may_ask_can_read_a_stream(adapter, page: str):
    reply = await adapter.post("/api/chat", CHAT, headers={"Origin": page})
    assert reply.lines[-1]["done"] is True
    assert reply.headers["access-control-allow-origin"] == page
    assert reply.headers["vary"] == "Origin"


@pytest.mark.parametrize("page", PAGES)
async def test_a_preflight_of_a_page_that_may_ask(adapter, page: str):
    asks = {"Origin": page, "Access-Control-Request-Method": "POST"}
    reply = await send(adapter.url, "OPTIONS", "/api/chat", headers=asks)
    assert reply.status == 204
    assert reply.headers["access-control-allow-origin"] == page
    assert "POST" in reply.headers["access-control-allow-methods"]


@pytest.mark.parametrize("path", ["/api/chat", "/api/show", "/nowhere"])
async def test_a_page_that_may_ask_can_read_errors(adapter, path: str):
    reply = await adapter.post(path, b"{", headers={"Origin": PAGE})
    assert reply.status in (400, 404)
    assert reply.headers["access-control-allow-origin"] == PAGE


async def test_a_page_that_may_not_reaches_nothing(scripted, adapter):
    reply = await adapter.post("/api/chat", CHAT, headers={"Origin": "http://localhost:evil.com"})
    assert (reply.status, reply.body) == (403, b"")
    assert "access-control-allow-origin" not in reply.headers
    assert scripted.seen == []


async def test_a_page_behind_a_false_name_reaches_nothing(scripted, adapter):
    reply = await adapter.post("/api/chat", CHAT, headers={"Host": "evil.com"})
    assert (reply.status, reply.body) == (403, b"")
    assert scripted.seen == []


async def test_the_name_does_not_matter_where_other_machines_may_ask(scripted):
    async with serving(scripted.url, host="0.0.0.0") as adapter:
        reply = await adapter.post("/api/chat", CHAT, headers={"Host": "adapter:11434"})
        assert reply.status == 200


async def test_a_preflight_without_a_page(adapter):
    for host, status in (("localhost", 204), ("127.0.0.1", 405)):
        reply = await send(adapter.url, "OPTIONS", "/api/chat", headers={"Host": host})
        assert reply.status == status


async def test_what_an_operator_adds(scripted):
    async with serving(scripted.url, origins="https://chat.example.com,*") as adapter:
        reply = await adapter.post("/api/chat", CHAT, headers={"Origin": "null"})
        assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, "*")
