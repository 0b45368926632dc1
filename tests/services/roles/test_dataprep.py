from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from tests.services.house import Rag, Stack, bags, form
from tests.support.raw_http import Connection, send
from tests.support.scripted_vllm import Stage

CATS = ("cats.md", b"# Cats\n\nCats sleep.\n")
DOGS = ("dogs.txt", b"Dogs bark.")


def stages(reply: Any) -> dict[str, str]:
    return {file["file"]: file["stage"] for file in reply.json["files"]}


async def names(rag: Rag, **body: Any) -> list[str]:
    return [row["name"] for row in (await rag.post("dataprep", "/v1/dataprep/get", body)).json]


async def test_files_in_listed_and_out(rag: Rag):
    reply = await rag.upload(CATS, DOGS)
    assert reply.status == 200
    assert reply.json["message"] == "Data preparation succeeded"
    assert reply.json["status"] == 200
    rows = (await rag.post("dataprep", "/v1/dataprep/get", b"")).json
    assert (
        rows[0].items()
        >= {"name": "cats.md", "id": "cats.md", "type": "File", "parent": ""}.items()
    )
    assert (rows[0]["kind"], rows[0]["passages"], rows[0]["size"]) == ("markdown", 1, 20)
    body = {"file_path": "cats.md"}
    assert (await rag.post("dataprep", "/v1/dataprep/delete", body)).json == {"status": True}
    assert (await rag.post("dataprep", "/v1/dataprep/delete", body)).status == 404
    assert await names(rag) == ["dogs.txt"]
    body = {"file_path": "all"}
    assert (await rag.post("dataprep", "/v1/dataprep/delete", body)).json == {"status": True}
    assert await names(rag) == []


async def test_an_unchanged_file_is_skipped_and_a_changed_one_replaced(stack: Stack, rag: Rag):
    await rag.upload(CATS)
    asked = len(stack.embed.seen)
    assert stages(await rag.upload(CATS)) == {"cats.md": "unchanged"}
    assert len(stack.embed.seen) == asked
    assert stages(await rag.upload(CATS, chunk_size="100")) == {"cats.md": "replaced"}
    assert len(stack.embed.seen) == asked, "the same passages have their vectors"
    changed = CATS[0], CATS[1] + b"\n## New\n\nThey purr.\n"
    assert stages(await rag.upload(changed)) == {"cats.md": "replaced"}
    [body] = [seen.body for seen in stack.embed.seen[asked:]]
    assert len(body["input"]) == 1, "only the new passage is embedded"


async def test_a_bad_file_does_not_keep_the_others_out(rag: Rag):
    bad = [
        ("a.exe", b"MZ"),
        ("empty.txt", b" \n"),
        ("latin.txt", "é".encode("latin-1")),
        ("zero.txt", b"a\0b"),
        ("../../etc/boom.md", b"UNEMBEDDABLE"),
    ]
    reply = await rag.upload(bad[0], CATS, *bad[1:])
    assert reply.status == 207
    assert stages(reply) == {
        "a.exe": "failed",
        "cats.md": "added",
        "empty.txt": "failed",
        "latin.txt": "failed",
        "zero.txt": "failed",
        "boom.md": "failed",
    }
    errors = {file["file"]: (file["status"], file["error"]) for file in reply.json["files"]}
    assert errors["a.exe"][0] == 415
    assert "UTF-8" in errors["latin.txt"][1]
    assert errors["boom.md"][0] == 502
    assert await names(rag) == ["cats.md"]


async def test_all_files_bad(rag: Rag):
    reply = await rag.upload(("a.exe", b"MZ"))
    assert reply.status == 415
    assert reply.json["status"] == 415
    assert "a.exe" in reply.json["error"]["message"]


async def test_a_failed_embedding_leaves_the_old_text(rag: Rag):
    await rag.upload(CATS)
    assert stages(await rag.upload((CATS[0], b"UNEMBEDDABLE"))) == {"cats.md": "failed"}
    found = await rag.post("retriever", "/v1/retrieval", {"text": "cats"})
    assert [doc["text"] for doc in found.json["retrieved_docs"]] == ["Cats sleep."]


async def test_steps_as_lines(rag: Rag):
    reply = await rag.upload(CATS, ("a.exe", b""), accept="application/x-ndjson")
    assert reply.headers["content-type"] == "application/x-ndjson"
    *steps, last = reply.lines
    assert [(step["file"], step["stage"]) for step in steps] == [
        ("cats.md", "read"),
        ("cats.md", "cut"),
        ("cats.md", "embedded"),
        ("cats.md", "added"),
        ("a.exe", "failed"),
    ]
    assert last["status"] == 207


async def test_who_leaves_in_the_middle_leaves_nothing_half_done(stack: Stack, rag: Rag):
    await rag.upload(CATS)
    begun = asyncio.Event()

    async def silent(stage: Stage) -> None:
        begun.set()
        await stage.hang()

    stack.embed.play = silent
    body, content_type = form(((CATS[0], b"# Cats\n\nNew text.\n"),), {})
    async with await Connection.open(rag.url("dataprep")) as client:
        headers = {"Content-Type": content_type, "Accept": "application/x-ndjson"}
        await client.send("POST", "/v1/dataprep/ingest", body, headers)
        await begun.wait()
    await stack.embed.until(lambda: stack.embed.in_flight == 0)
    stack.embed.play = bags
    found = await rag.post("retriever", "/v1/retrieval", {"text": "cats"})
    assert [doc["text"] for doc in found.json["retrieved_docs"]] == ["Cats sleep."]


async def test_too_large(stack: Stack):
    async with stack.up(file_limit=100) as rag:
        reply = await rag.upload(("big.txt", b"x" * 101), DOGS)
        assert stages(reply) == {"big.txt": "failed", "dogs.txt": "added"}
        assert reply.json["files"][0]["status"] == 413


async def test_several_indexes(rag: Rag):
    await rag.upload(CATS, index_name="one")
    await rag.upload(DOGS, index_name="two")
    assert (await rag.post("dataprep", "/v1/dataprep/indices", b"")).json == ["one", "two"]
    assert await names(rag) == []
    assert await names(rag, index_name="one") == ["cats.md"]
    assert await names(rag, index_name="all") == ["cats.md", "dogs.txt"]
    body = {"file_path": "all", "index_name": "one"}
    await rag.post("dataprep", "/v1/dataprep/delete", body)
    assert await names(rag, index_name="all") == ["dogs.txt"]
    assert (await rag.upload(CATS, index_name="all")).status == 400


async def test_strict_names(stack: Stack):
    async with stack.up(strict_names=True) as rag:
        assert (await rag.upload(CATS)).status == 200
        assert (await rag.upload(CATS)).status == 400


async def test_another_model_is_refused(stack: Stack, rag: Rag):
    await rag.upload(CATS)
    async with stack.up(passage_prefix="passage: ") as other:
        for file in (CATS, DOGS):
            reply = await other.upload(file)
            assert reply.status == 409
            assert "passage prefix '', not 'passage: '" in reply.json["error"]["message"]
        assert (await other.ask("cats")).status == 409


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400),
        ({"link_list": '["http://a"]'}, 501),
        ({"chunk_size": "x"}, 400),
        ({"chunk_size": "100", "chunk_overlap": "60"}, 400),
    ],
)
async def test_what_is_refused(rag: Rag, fields: dict[str, str], status: int):
    files = (CATS,) if "chunk_size" in fields else ()
    assert (await rag.upload(*files, **fields)).status == status


async def test_a_body_that_is_no_form(rag: Rag):
    for headers in ({}, {"Content-Type": "application/json"}, {"Content-Type": "multipart/x"}):
        reply = await send(
            rag.url("dataprep"), "POST", "/v1/dataprep/ingest", orjson.dumps({}), headers
        )
        assert reply.status == 400


async def test_a_page_on_the_pipelines_port_can_upload(rag: Rag):
    body, content_type = form((CATS,), {})
    headers = {"Content-Type": content_type, "Origin": "http://localhost:5173"}
    reply = await send(rag.url("chatqna"), "POST", "/v1/dataprep/ingest", body, headers)
    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == "http://localhost:5173"
