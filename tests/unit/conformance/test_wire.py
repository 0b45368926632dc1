from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import web

from adapter.conformance.wire import NoAnswer, Wire, headers_of, payload_of
from tests.support.rival import hangs, plain, rival, said, streamed


async def test_every_http_chunk_is_seen():
    async with (
        rival({"GET /s": streamed(b'{"a":1}\n{"a"', b":2}\n")}) as url,
        Wire(url, 5) as wire,
    ):
        reply = await wire.get("/s")
    assert reply.chunks == [b'{"a":1}\n{"a"', b":2}\n"]
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/x-ndjson"
    assert reply.ended


async def test_a_body_that_is_cut_is_no_whole_one():
    async with rival({"GET /s": streamed(b"one\n", cut=True)}) as url, Wire(url, 5) as wire:
        reply = await wire.get("/s")
    assert reply.chunks == [b"one\n"]
    assert not reply.ended


async def test_a_chunk_larger_than_any_buffer_is_one():
    sizes = [300_000, 1, 70_000]
    async with (
        rival({"GET /s": streamed(*(b"x" * size for size in sizes))}) as url,
        Wire(url, 5) as wire,
    ):
        reply = await wire.get("/s")
    assert [len(chunk) for chunk in reply.chunks] == sizes


async def test_the_end_of_a_body_is_no_chunk_even_in_a_segment_of_its_own():
    segments = [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"2\r\na\n\r\n",
        b"2\r\nb\n\r\n",
        b"0\r\n\r\n",
    ]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for segment in segments:
            writer.write(segment)
            await asyncio.sleep(0.05)  # long enough for the client to read it by itself
        writer.close()
        await writer.wait_closed()
        answered.set()

    answered = asyncio.Event()
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Wire(f"http://127.0.0.1:{port}", 5) as wire:
            reply = await wire.get("/")
        await answered.wait()
    assert (reply.chunks, reply.ended) == ([b"a\n", b"b\n"], True)


async def test_a_redirect_is_an_answer():
    async with (
        rival({"GET /a/": plain("moved", 301, Location="/a"), "GET /a": plain("no")}) as url,
        Wire(url, 5) as wire,
    ):
        reply = await wire.get("/a/")
    assert (reply.status, reply.headers["location"], reply.text) == (301, "/a", "moved")


async def test_compression_is_left_as_it_came():
    async with (
        rival({"GET /z": plain("PK", **{"Content-Encoding": "gzip"})}) as url,
        Wire(url, 5) as wire,
    ):
        reply = await wire.get("/z")
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.text == "PK"


@pytest.mark.timeout(10)
async def test_answers_without_a_body_end():
    async with (
        rival({"HEAD /": plain("up"), "OPTIONS /": plain("", 204), "GET /": plain("")}) as url,
        Wire(url, 5) as wire,
    ):
        replies = [await wire.ask({"method": m, "path": "/"}) for m in ("HEAD", "OPTIONS", "GET")]
    assert [(reply.status, reply.chunks) for reply in replies] == [(200, []), (204, []), (200, [])]


async def test_only_what_was_asked_for_is_sent():
    async def mirror(request: web.Request) -> web.Response:
        return web.json_response([dict(request.headers), (await request.read()).decode()])

    async with rival({"POST /m": mirror}) as url, Wire(url, 5) as wire:
        typed, body = (await wire.post("/m", {"a": 1})).json
        untyped, _ = (
            await wire.ask(
                {"method": "POST", "path": "/m", "headers": {"Content-Type": None}, "body": 1}
            )
        ).json
        named, _ = (
            await wire.ask({"method": "POST", "path": "/m", "headers": {"Host": "box.local"}})
        ).json
    assert body == '{"a":1}'
    assert typed["Content-Type"] == "application/json"
    assert not {"Accept", "Accept-Encoding", "User-Agent"} & typed.keys()
    assert "Content-Type" not in untyped
    assert named["Host"] == "box.local"


async def test_a_name_and_password_of_the_address_are_a_header():
    async def mirror(request: web.Request) -> web.Response:
        return web.json_response(request.headers.get("Authorization"))

    own = {"method": "GET", "path": "/m", "headers": {"Authorization": "Bearer ollama"}}
    async with rival({"GET /m": mirror}) as url:
        host = url.removeprefix("http://")
        async with Wire(f"http://me:p%40ss@{host}", 5) as wire:
            assert wire.base == url
            assert (await wire.get("/m")).json == "Basic bWU6cEBzcw=="
            assert (await wire.ask(own)).json == "Bearer ollama"


@pytest.mark.timeout(10)
async def test_a_server_that_hangs_costs_no_more_than_the_limit():
    async with rival({"GET /": hangs}) as url, Wire(url, 0.2) as wire:
        with pytest.raises(NoAnswer, match=r"no complete answer within 0\.2 s"):
            await wire.get("/")


async def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with Wire(f"http://127.0.0.1:{port}", 5) as wire:
        with pytest.raises(NoAnswer, match="no answer: "):
            await wire.get("/")


async def test_a_path_before_the_api():
    routes = {"GET /under/here/api/tags": said({})}
    async with rival(routes) as url, Wire(f"{url}/under/here/", 5) as wire:
        assert (await wire.get("/api/tags")).status == 200


def test_bodies():
    assert payload_of({"raw_body": "{bad"}) == b"{bad"
    assert payload_of({"raw_body": ""}) == b""
    assert payload_of({"body": {"a": "é"}}) == '{"a":"é"}'.encode()
    assert payload_of({"body": None}) is None
    assert payload_of({}) is None


def test_headers():
    assert headers_of({}, None) == {}
    assert headers_of({}, b"") == {"Content-Type": "application/json"}
    assert headers_of({"headers": {"Content-Type": "a/b"}}, b"") == {"Content-Type": "a/b"}
    assert headers_of({"headers": {"Content-Type": None, "A": "b"}}, b"") == {"A": "b"}
