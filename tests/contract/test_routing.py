"""Where a request goes: by its model's name, then by what it needs; whose a name is."""

import contextlib
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.support.ollama_standin import EXCHANGES, OllamaStandIn, chats
from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import Adapter, serving
from tests.support.words import words

PICTURE = "iVBORw0KGgo="
TURN = {"role": "user", "content": "what is it?"}
SEEN = [TURN | {"images": [PICTURE]}]
URL = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}
EMBED = EXCHANGES["EMB-01"]["response"]["body"]


@contextlib.asynccontextmanager
async def house(
    scripted: ScriptedVLLM, *ollama_models: str, **how: object
) -> AsyncIterator[tuple[Adapter, OllamaStandIn]]:
    async with (
        OllamaStandIn(*(ollama_models or ("llava:7b", "nomic-embed-text:latest"))) as ollama,
        serving(scripted.url, ollamas={"vision": ollama.url}, **how) as adapter,
    ):
        ollama.play("/api/chat", chats)
        ollama.play("/api/generate", chats)
        ollama.play("/v1/chat/completions", chats)
        await adapter.until_ready()
        yield adapter, ollama


BY_ENTRY = {"models": {"tiny-chat": {"upstream": "engine0", "vision": "llava:7b"}}}
FOR_ALL = {"routing": {"vision": "llava:7b", "embedding": "nomic-embed-text"}}


@pytest.mark.parametrize("how", [BY_ENTRY, FOR_ALL], ids=["entry", "all"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chat", {"messages": SEEN}),
        ("/api/generate", {"prompt": "what?", "images": [PICTURE]}),
        ("/v1/chat/completions", {"messages": [TURN | {"content": [URL]}]}),
    ],
)
async def test_images_go_where_they_are_seen(scripted, how, path: str, body: dict):
    async with house(scripted, **how) as (adapter, ollama):
        reply = await adapter.post(path, body | {"model": "tiny-chat"})
        assert reply.status == 200
        assert reply.headers["x-adapter-upstream"] == "vision"
        assert b'"model":"tiny-chat"' in reply.body.replace(b" ", b"")
        assert b"llava" not in reply.body
        assert [asked.json["model"] for asked in ollama.asked] == ["llava:7b"]
        plain = {key: value for key, value in body.items() if key != "images"}
        plain = plain if "prompt" in body else {"messages": [TURN]}
        reply = await adapter.post(path, plain | {"model": "tiny-chat"})
        assert reply.headers["x-adapter-upstream"] == "engine0"
    assert len(scripted.seen) == 1


async def test_without_a_word_in_the_file_the_engine_judges(scripted):
    async with house(scripted) as (adapter, ollama):
        reply = await adapter.post("/api/chat", {"model": "tiny-chat", "messages": SEEN})
        assert reply.headers["x-adapter-upstream"] == "engine0"
    assert len(scripted.seen) == 1
    assert ollama.asked == []


async def test_a_model_that_sees_keeps_them(scripted):
    models = {"tiny-chat": {"upstream": "engine0", "capabilities": ["completion", "vision"]}}
    async with house(scripted, models=models, **FOR_ALL) as (adapter, ollama):
        await adapter.post("/api/chat", {"model": "tiny-chat", "messages": SEEN})
    assert ollama.asked == []


async def test_another_vllm_may_see(scripted):
    eyes = ScriptedVLLM(words, models=("tiny-vl",), abilities=frozenset({"vision"}))
    await eyes.up()
    async with serving(scripted.url, eyes.url, routing={"vision": "tiny-vl"}) as adapter:
        await adapter.until_ready()
        reply = await adapter.post("/api/chat", {"model": "tiny-chat", "messages": SEEN})
    await eyes.down()
    assert reply.status == 200
    assert {line["model"] for line in reply.lines} == {"tiny-chat"}
    assert reply.headers["x-adapter-upstream"] == "engine1"
    assert eyes.bodies[0]["model"] == "tiny-vl"
    assert scripted.seen == []


@pytest.mark.parametrize("path", ["/api/embed", "/api/embeddings", "/v1/embeddings"])
async def test_vectors_are_asked_of_who_makes_them(scripted, path: str):
    async with house(scripted, **FOR_ALL) as (adapter, ollama):

        async def embeds(http, asked):
            return web.Response(text=EMBED.replace("bert", asked.json["model"]))

        ollama.play(path, embeds)
        body = {"model": "tiny-chat", "input": "hi", "prompt": "hi"}
        reply = await adapter.post(path, body)
        assert reply.json["model"] == "tiny-chat"
        assert reply.headers["x-adapter-upstream"] == "vision"
        assert ollama.asked[0].json == body | {"model": "nomic-embed-text:latest"}


async def test_aliases_over_upstreams(scripted):
    models = {
        "tiny-chat": {"upstream": "engine0", "aliases": ["llama2:7b"]},
        "bakllava": {"upstream": "vision", "served_name": "bakllava:7b", "aliases": ["llava:7b"]},
    }
    async with house(scripted, "bakllava:7b", "nomic-embed-text:latest", models=models) as (
        adapter,
        _,
    ):
        for name, upstream in (("llama2:7b", "engine0"), ("llava:7b", "vision")):
            reply = await adapter.post("/api/chat", {"model": name, "messages": [TURN]})
            assert reply.headers["x-adapter-upstream"] == upstream
            assert {line["model"] for line in reply.lines} == {name}
        listed = [row["name"] for row in (await adapter.get("/api/tags")).json["models"]]
    assert set(listed) == {
        *("tiny-chat:latest", "llama2:7b", "bakllava:latest", "llava:7b"),
        "nomic-embed-text:latest",
    }


async def test_a_name_that_two_have_is_the_firsts_in_the_file(scripted, caplog):
    with caplog.at_level(logging.WARNING, "adapter"):
        async with house(scripted, "tiny-chat:latest", "b:latest") as (adapter, ollama):
            reply = await adapter.post("/api/chat", {"model": "tiny-chat", "messages": [TURN]})
            assert reply.headers["x-adapter-upstream"] == "engine0"
            ollama.models = ollama.models[:1]
            await adapter.get("/v1/models/unheard-of")
    warnings = [line for line in caplog.messages if "have it" in line]
    assert warnings == [
        "model=tiny-chat:latest: engine0 and vision have it; "
        "it means that of engine0, the first in the file"
    ]


async def test_the_file_decides_whose_a_name_is(scripted, caplog):
    models = {"tiny-chat": {"upstream": "vision"}}
    with caplog.at_level(logging.WARNING, "adapter"):
        async with house(scripted, "tiny-chat:latest", models=models) as (adapter, _):
            reply = await adapter.post("/api/chat", {"model": "tiny-chat", "messages": [TURN]})
            assert reply.headers["x-adapter-upstream"] == "vision"
    assert not [line for line in caplog.messages if "have it" in line]
