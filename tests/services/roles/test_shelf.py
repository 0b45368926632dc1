"""What the page does with documents, asked at chatqna's port."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from services.ingest.progress import OUTCOMES
from services.running import serving

from tests.services.house import Rag, Stack, adapter_before, bags, form, settings_for, until_ready
from tests.support import machine
from tests.support.raw_http import Connection, Reply, send
from tests.support.scripted_vllm import Stage

CATS = ("cats.md", b"# Cats\n\nCats sleep.\n")


async def upload(rag: Rag, *files: tuple[str, bytes], accept: str = "*/*") -> Reply:
    body, content_type = form(files, {})
    headers = {"Content-Type": content_type, "Accept": accept}
    return await send(rag.url("chatqna"), "POST", "/v1/dataprep/ingest", body, headers)


@contextlib.asynccontextmanager
async def two(stack: Stack, **changes: str) -> AsyncIterator[Rag]:
    """chatqna and dataprep as a process each."""
    port = machine.free_port()
    adapter = f"http://127.0.0.1:{port}"
    async with contextlib.AsyncExitStack() as exits:
        settings = settings_for(adapter, stack.store)
        ports = dict(await exits.enter_async_context(serving("dataprep", settings)))
        url = f"http://127.0.0.1:{ports['dataprep_port']}/"
        settings = settings_for(adapter, "sqlite::memory:", **({"dataprep_url": url} | changes))
        ports |= await exits.enter_async_context(serving("chatqna", settings))
        engines = [{"name": "llm", "url": stack.chat.url}, {"name": "e", "url": stack.embed.url}]
        await exits.enter_async_context(adapter_before(*engines, port=port))
        await until_ready(adapter)
        yield Rag(ports, settings, adapter)


async def session(rag: Rag) -> None:
    assert (await upload(rag, CATS)).json["files"][0]["stage"] == "added"
    reply = await upload(rag, CATS, ("a.exe", b""), accept="application/x-ndjson")
    assert reply.headers["content-type"].startswith("application/x-ndjson")
    stages = [line.get("stage") for line in reply.lines]
    assert [stage for stage in stages if stage in OUTCOMES] == ["unchanged", "failed"]
    told = await rag.get("chatqna", "/v1/dataprep/status?index_name=rag")
    assert told.status == 200
    assert told.json == (await rag.get("dataprep", "/v1/dataprep/status?index_name=rag")).json
    assert (await upload(rag, ("a.exe", b""))).status == 415
    rows = (await rag.post("chatqna", "/v1/dataprep/get", b"")).json
    assert rows == (await rag.post("dataprep", "/v1/dataprep/get", b"")).json
    assert [row["name"] for row in rows] == ["cats.md"]
    assert (await rag.post("chatqna", "/v1/dataprep/indices", b"")).json == ["rag"]
    body = {"file_path": "cats.md"}
    assert (await rag.post("chatqna", "/v1/dataprep/delete", body)).json == {"status": True}
    assert (await rag.post("chatqna", "/v1/dataprep/delete", body)).status == 404
    assert (await rag.get("chatqna", "/v1/dataprep/nowhere")).status == 404


async def test_in_one_process(rag: Rag):
    await session(rag)
    told = (await rag.get("chatqna", "/v1/statistics")).json
    assert "opea_service@chatqna" not in told, "of answers there were none"


async def test_in_two(stack: Stack):
    async with two(stack) as rag:
        await session(rag)


async def test_a_large_upload_is_handed_on(stack: Stack):
    async with two(stack) as rag:
        text = b"Cats sleep.\n\n" * 100_000
        reply = await upload(rag, ("cats.md", text), ("big.exe", b"x" * 2**21))
        assert reply.status == 207
        [row] = (await rag.post("dataprep", "/v1/dataprep/get", b"")).json
        assert row["size"] == len(text)


@pytest.mark.parametrize(("patience", "status"), [("0.6", 200), ("0.1", 504)])
async def test_an_upload_may_take_longer_than_an_answer(stack: Stack, patience: str, status: int):
    """As long as something of it comes within the patience."""
    async with two(stack, first_byte_seconds=patience) as rag:
        body, content_type = form((CATS,), {})
        headers = {"Content-Type": content_type, "Content-Length": str(len(body))}
        async with await Connection.open(rag.url("chatqna")) as client:
            await client.send("POST", "/v1/dataprep/ingest", None, headers)
            for at in range(0, len(body), 50):
                await asyncio.sleep(0.25)
                client.writer.write(body[at : at + 50])
            assert (await client.head()).status == status


async def test_who_leaves_in_the_middle_leaves_nothing_half_done(stack: Stack):
    async with two(stack) as rag:

        async def silent(stage: Stage) -> None:
            await stage.hang()

        stack.embed.play = silent
        body, content_type = form((CATS,), {})
        async with await Connection.open(rag.url("chatqna")) as client:
            headers = {"Content-Type": content_type}
            await client.send("POST", "/v1/dataprep/ingest", body, headers)
            await stack.embed.until(lambda: stack.embed.in_flight == 1)
        await stack.embed.until(lambda: stack.embed.in_flight == 0)
        stack.embed.play = bags
        assert (await rag.post("chatqna", "/v1/dataprep/get", b"")).json == []


async def test_dataprep_is_away(stack: Stack):
    away = f"http://127.0.0.1:{machine.free_port()}"
    async with two(stack, dataprep_url=away) as rag:
        reply = await upload(rag, CATS)
        assert reply.status == 503
        assert "can't be reached" in reply.json["error"]["message"]


async def test_nobody_said_where_documents_are(stack: Stack):
    async with two(stack, dataprep_url="", retriever_url="http://127.0.0.1:9") as rag:
        reply = await rag.post("chatqna", "/v1/dataprep/get", b"")
        assert reply.status == 501
        assert "DATAPREP_URL" in reply.json["error"]["message"]


async def test_pages_from_elsewhere_may_do_nothing(rag: Rag):
    await upload(rag, CATS)
    foreign = {"Origin": "http://evil.example", "Content-Type": "text/plain"}
    for role in ("chatqna", "dataprep"):
        for path, body in (("delete", {"file_path": "all"}), ("get", {})):
            reply = await rag.post(role, f"/v1/dataprep/{path}", body, headers=foreign)
            assert reply.status == 403
            assert "access-control-allow-origin" not in reply.headers
        body, content_type = form((("x.md", b"x"),), {})
        headers = foreign | {"Content-Type": content_type}
        reply = await send(rag.url(role), "POST", "/v1/dataprep/ingest", body, headers)
        assert reply.status == 403
    rows = (await rag.post("chatqna", "/v1/dataprep/get", b"")).json
    assert [row["name"] for row in rows] == ["cats.md"]
