"""Model names: how clients spell them, what vLLM is asked for, what is echoed."""

import asyncio

import pytest

from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import serving
from tests.support.words import words

TURNS = [{"role": "user", "content": "hi"}]
SPELLINGS = [
    "tiny-chat",
    "tiny-chat:latest",
    "TINY-Chat",
    "library/tiny-chat",
    "registry.ollama.ai/library/tiny-chat:latest",
    " tiny-chat ",
    "tiny-chat:local",
]


@pytest.mark.parametrize("name", SPELLINGS)
async def test_every_spelling_is_the_same_model_and_is_echoed(scripted, adapter, name: str):
    for path, body in (
        ("/api/chat", {"model": name, "messages": TURNS}),
        ("/api/generate", {"model": name, "prompt": "hi"}),
    ):
        lines = (await adapter.post(path, body)).lines
        assert {line["model"] for line in lines} == {name}
    assert {body["model"] for body in scripted.bodies} == {"tiny-chat"}


@pytest.mark.parametrize("request_", [{"name": "tiny-chat"}, {"model": "", "name": "tiny-chat"}])
async def test_name_is_an_older_word_for_model(adapter, request_):
    reply = await adapter.post("/api/chat", request_ | {"messages": TURNS, "stream": False})
    assert (reply.status, reply.json["model"]) == (200, "tiny-chat")
    assert (await adapter.post("/api/show", request_)).status == 200


async def test_a_hugging_face_id_is_a_name():
    scripted = ScriptedVLLM(words, models=("Qwen/Qwen2.5-7B-Instruct",))
    await scripted.up()
    async with serving(scripted.url) as adapter:
        await adapter.until_ready()
        listed = (await adapter.get("/api/tags")).json["models"]
        assert [model["name"] for model in listed] == ["Qwen/Qwen2.5-7B-Instruct:latest"]
        for name in ("Qwen/Qwen2.5-7B-Instruct", "qwen/qwen2.5-7b-instruct:latest"):
            body = {"model": name, "messages": TURNS, "stream": False}
            reply = await adapter.post("/api/chat", body)
            assert (reply.status, reply.json["model"]) == (200, name)
    assert {body["model"] for body in scripted.bodies} == {"Qwen/Qwen2.5-7B-Instruct"}
    await scripted.down()


async def test_a_configured_name_stands_for_the_served_one(scripted):
    models = {"llama3.2": {"served_name": "tiny-chat", "aliases": ["llama2:7b"]}}
    async with serving(scripted.url, models=models) as adapter:
        for name in ("llama3.2", "llama3.2:latest", "llama2:7b"):
            body = {"model": name, "messages": TURNS, "stream": False}
            reply = await adapter.post("/api/chat", body)
            assert (reply.status, reply.json["model"]) == (200, name)
        listed = {model["name"] for model in (await adapter.get("/api/tags")).json["models"]}
    assert {body["model"] for body in scripted.bodies} == {"tiny-chat"}
    assert {"llama3.2:latest", "llama2:7b"} <= listed


async def test_every_served_name_is_a_model():
    scripted = ScriptedVLLM(words, models=("one", "two"))
    await scripted.up()
    async with serving(scripted.url) as adapter:
        for name in ("one", "two"):
            body = {"model": name, "prompt": "hi", "stream": False}
            assert (await adapter.post("/api/generate", body)).json["model"] == name
    assert [body["model"] for body in scripted.bodies] == ["one", "two"]
    await scripted.down()


@pytest.mark.parametrize("name", ["tiny-chat:8b", "other/tiny-chat", "tiny", "nope"])
async def test_another_name_is_not_found(scripted, adapter, name: str):
    reply = await adapter.post("/api/chat", {"model": name, "messages": TURNS})
    assert (reply.status, reply.json) == (404, {"error": f"model '{name}' not found"})
    assert scripted.seen == []


@pytest.mark.parametrize("name", ["gpt-oss:cloud", "gpt-oss:120b-cloud"])
async def test_a_cloud_model_is_refused(adapter, name: str):
    reply = await adapter.post("/api/chat", {"model": name, "messages": TURNS})
    assert reply.status == 403
    assert reply.json == {"error": "ollama cloud is disabled: remote model is unavailable"}


async def test_a_model_that_the_engine_got_later_is_found(scripted, adapter):
    body = {"model": "late", "prompt": "hi", "stream": False}
    assert (await adapter.post("/api/generate", body)).status == 404
    scripted.models = ("tiny-chat", "late")
    async with asyncio.timeout(3):
        # The engine is not asked again for every unknown name.
        while (await adapter.post("/api/generate", body)).status != 200:  # noqa: ASYNC110  # HTTP
            await asyncio.sleep(0.1)


async def test_unknown_names_do_not_flood_the_engine(scripted, adapter):
    before = len(scripted.asked)
    for number in range(50):
        await adapter.post("/api/show", {"model": f"unknown{number}"})
    assert len(scripted.asked) - before < 12
