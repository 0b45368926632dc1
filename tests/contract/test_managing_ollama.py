"""Management where a real Ollama stands beside vLLM: who does what."""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp import web

from tests.contract.managing import delete, names
from tests.support.ollama_standin import PULLED, OllamaStandIn, lines
from tests.support.raw_http import send
from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import Adapter, serving

FILE = b'{"r": 8}' * 100
SHA = f"sha256:{hashlib.sha256(FILE).hexdigest()}"
GGUF = b"GGUF" + bytes(1000)
GGUF_SHA = f"sha256:{hashlib.sha256(GGUF).hexdigest()}"
DONE = [{"status": "writing manifest"}, {"status": "success"}]


@dataclass
class Both:
    adapter: Adapter
    vllm: ScriptedVLLM
    ollama: OllamaStandIn

    def passed(self) -> list[tuple[str, object]]:
        return [(asked.path, asked.json) for asked in self.ollama.asked]


@pytest.fixture
async def both(scripted: ScriptedVLLM) -> AsyncIterator[Both]:
    models = {
        "eyes": {"upstream": "vision", "served_name": "nat"},
        "later": {"upstream": "vision", "served_name": "moondream"},
    }
    async with (
        OllamaStandIn() as ollama,
        serving(scripted.url, ollamas={"vision": ollama.url}, models=models) as adapter,
    ):
        await adapter.until_ready()
        yield Both(adapter, scripted, ollama)


async def test_pull_of_what_nobody_has_goes_to_ollama_as_it_is(both):
    rows = [*both.ollama.models, both.ollama.models[0] | {"name": "new:1b", "model": "new:1b"}]

    async def play(http, asked):
        both.ollama.models = rows
        return await lines(*PULLED)(http, asked)

    both.ollama.play("/api/pull", play)
    reply = await both.adapter.post("/api/pull", b'{"model" : "new:1b"}')
    assert [json.loads(chunk) for chunk in reply.chunks] == PULLED
    assert both.ollama.asked[-1].body == b'{"model" : "new:1b"}'
    assert "new:1b" in await names(both.adapter)


@pytest.mark.parametrize(
    ("asked", "served"), [("eyes", "nat:latest"), ("later", "moondream:latest"), ("bert", "bert")]
)
async def test_pull_of_what_ollama_has_or_should_have(both, asked: str, served: str):
    both.ollama.play("/api/pull", lines(*PULLED))
    reply = await both.adapter.post("/api/pull", {"name": asked})
    assert reply.lines == PULLED
    assert both.passed() == [("/api/pull", {"name": served})]


async def test_a_configured_model_that_its_ollama_lacks_is_not_listed(both):
    assert "later:latest" not in await names(both.adapter)
    reply = await both.adapter.post("/api/chat", {"model": "later", "messages": []})
    assert (reply.status, reply.json) == (404, {"error": "model 'later' not found"})
    assert (await both.adapter.get("/ready")).json["missing"] == ["later:latest"]
    labels = {"model": "later:latest", "upstream": "vision"}
    assert await both.adapter.metric("adapter_model_up", **labels) == 0
    labels = {"model": "eyes:latest", "upstream": "vision"}
    assert await both.adapter.metric("adapter_model_up", **labels) == 1


async def test_pull_of_what_vllm_has_is_the_adapters(both):
    reply = await both.adapter.post("/api/pull", {"model": "tiny-chat"})
    assert reply.lines[-1] == {"status": "success"}
    assert both.ollama.asked == []


async def test_an_error_of_a_pull_is_ollamas(both):
    recorded = await both.adapter.post("/api/pull", b'{"model": "nat"}')
    assert "error" in recorded.lines[-1]
    reply = await both.adapter.post("/api/pull", b"{}")
    assert (reply.status, reply.json) == (400, {"error": "invalid model name"})


async def test_push(both):
    both.ollama.play("/api/push", lines({"status": "retrieving manifest"}))
    assert (await both.adapter.post("/api/push", {"model": "eyes"})).status == 200
    assert both.passed() == [("/api/push", {"model": "nat:latest"})]
    assert (await both.adapter.post("/api/push", {"model": "tiny-chat"})).status == 501


async def test_create_of_what_ollama_has(both):
    both.ollama.play("/api/create", lines(*DONE))
    body = {"model": "mario", "from": "eyes", "system": "You are Mario."}
    assert (await both.adapter.post("/api/create", body)).lines == DONE
    assert both.passed() == [("/api/create", body | {"from": "nat:latest"})]


async def test_create_of_files_and_of_what_is_to_be_pulled(both):
    both.ollama.play("/api/create", lines(*DONE))
    for body in (
        {"model": "own", "files": {"a.gguf": GGUF_SHA}},
        {"model": "own", "from": "unheard-of"},
    ):
        assert (await both.adapter.post("/api/create", body)).lines == DONE
        assert both.passed()[-1] == ("/api/create", body)


async def test_create_of_what_vllm_has_is_an_alias(both):
    body = {"model": "mario", "from": "tiny-chat", "system": "You are Mario."}
    assert (await both.adapter.post("/api/create", body)).lines[-1] == {"status": "success"}
    assert both.ollama.asked == []
    assert "mario:latest" in await names(both.adapter)
    # Its name is not free for what the Ollama would make.
    reply = await both.adapter.post("/api/create", {"model": "mario", "from": "bert"})
    assert (reply.status, reply.json) == (
        400,
        {"error": '"mario:latest" is an alias of the adapter\'s: delete it first'},
    )
    assert (await delete(both.adapter, {"model": "mario"})).status == 200
    assert both.ollama.asked == []


@pytest.mark.parametrize("path", ["/api/create", "/api/copy"])
async def test_a_name_of_vllms_is_not_given_away(both, path: str):
    body = {"model": "tiny-chat", "from": "bert", "source": "bert", "destination": "tiny-chat"}
    reply = await both.adapter.post(path, body)
    assert reply.status == 400
    assert "is served by the engine engine0" in reply.json["error"]
    assert both.ollama.asked == []


async def test_an_alias_does_not_take_a_name_of_ollamas(both):
    reply = await both.adapter.post("/api/create", {"model": "bert", "from": "tiny-chat"})
    assert reply.status == 400
    assert "is served by the engine vision" in reply.json["error"]


async def test_copy_and_delete(both):
    async def done(http, asked):
        if asked.path == "/api/delete":
            both.ollama.models = both.ollama.models[:1]
        return web.Response(status=200)

    both.ollama.play("/api/copy", done)
    both.ollama.play("/api/delete", done, "DELETE")
    reply = await both.adapter.post("/api/copy", {"source": "eyes", "destination": "b"})
    assert (reply.status, reply.body) == (200, b"")
    reply = await delete(both.adapter, {"name": "eyes"})
    assert (reply.status, reply.body) == (200, b"")
    assert both.passed() == [
        ("/api/copy", {"source": "nat:latest", "destination": "b"}),
        ("/api/delete", {"name": "nat:latest"}),
    ]
    assert await names(both.adapter) == ["tiny-chat:latest", "bert:latest"]


async def blob(both: Both, method: str, digest: str, data: bytes | None = None) -> int:
    return (await send(both.adapter.url, method, f"/api/blobs/{digest}", data)).status


async def test_a_file_goes_to_both(both):
    assert await blob(both, "HEAD", SHA) == 404
    assert await blob(both, "POST", SHA, FILE) == 201
    assert both.ollama.blobs[SHA].size == len(FILE)
    assert await blob(both, "HEAD", SHA) == 200
    del both.ollama.blobs[SHA]
    assert await blob(both, "HEAD", SHA) == 404
    assert await blob(both, "POST", SHA, FILE) == 201
    assert await blob(both, "POST", SHA, FILE) == 200


async def test_gguf_goes_to_ollama_alone(both):
    assert await blob(both, "POST", GGUF_SHA, GGUF) == 201
    assert both.ollama.blobs[GGUF_SHA].size == len(GGUF)
    assert await blob(both, "POST", GGUF_SHA, GGUF) == 200


async def test_a_file_while_ollama_is_away(both):
    await both.ollama.down()
    assert await blob(both, "POST", GGUF_SHA, GGUF) == 503
    assert await blob(both, "POST", SHA, FILE) == 201
    await both.ollama.up()
    assert await blob(both, "HEAD", SHA) == 404
    assert await blob(both, "POST", SHA, FILE) == 201
    assert await blob(both, "HEAD", SHA) == 200


async def test_a_file_that_is_another(both):
    reply = await send(both.adapter.url, "POST", f"/api/blobs/{SHA}", FILE + b"!")
    assert reply.status == 400
    assert reply.json["error"].startswith(f'digest mismatch, expected "{SHA}"')
    assert await blob(both, "HEAD", SHA) == 404
    assert await blob(both, "HEAD", "xx") == 400
