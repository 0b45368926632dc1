"""The official client for Python, unmodified."""

import asyncio
from collections.abc import Callable
from typing import Any

import ollama
import pytest

from tests.support.machine import PROMPTLY

TURNS = [{"role": "user", "content": "hi"}]


async def used(house: Any, session: Callable[[ollama.Client], Any]) -> Any:
    """What `session` returns; it runs in a thread, for the client blocks."""
    with ollama.Client(host=house.url) as client:
        return await asyncio.to_thread(session, client)


async def test_chat(house):
    reply = await used(house, lambda client: client.chat("tiny-chat", TURNS))
    assert reply.message.content == "Hello <b>"
    assert reply.message.role == "assistant"
    assert (reply.done, reply.done_reason, reply.model) == (True, "stop", "tiny-chat")
    assert (reply.prompt_eval_count, reply.eval_count) == (7, 3)
    assert reply.total_duration > 0
    assert reply.eval_duration > 0


async def test_chat_streamed(house):
    parts = await used(house, lambda client: list(client.chat("tiny-chat", TURNS, stream=True)))
    assert [part.message.content for part in parts] == ["Hello", " <b>", ""]
    assert [part.done for part in parts] == [False, False, True]
    assert parts[-1].eval_count == 3


async def test_generate(house):
    reply = await used(house, lambda client: client.generate("tiny-chat", "hi", system="short"))
    assert (reply.response, reply.done_reason) == ("Hello <b>", "stop")
    assert house.chat.bodies[0]["messages"][0] == {"role": "system", "content": "short"}


async def test_generate_streamed(house):
    parts = await used(house, lambda client: list(client.generate("tiny-chat", "hi", stream=True)))
    assert [part.response for part in parts] == ["Hello", " <b>", ""]


async def test_options_reach_the_engine(house):
    options = ollama.Options(temperature=0.1, num_predict=7, seed=3, stop=["x"], num_ctx=2048)
    await used(house, lambda client: client.chat("tiny-chat", TURNS, options=options))
    body = house.chat.bodies[0]
    sent = {key: body[key] for key in ("temperature", "max_tokens", "seed", "stop")}
    assert sent == {"temperature": 0.1, "max_tokens": 7, "seed": 3, "stop": ["x"]}


async def test_list_show_ps(house):
    listed = await used(house, lambda client: client.list())
    assert {model.model for model in listed.models} == {"tiny-chat:latest", "tiny-embed:latest"}
    assert all(model.digest and model.modified_at and model.details for model in listed.models)
    shown = await used(house, lambda client: client.show("tiny-chat"))
    assert shown.capabilities == ["completion"]
    assert any(key.endswith(".context_length") for key in shown.modelinfo)
    await used(house, lambda client: client.generate("tiny-chat", "", keep_alive=60))
    running = await used(house, lambda client: client.ps())
    assert "tiny-chat:latest" in {model.model for model in running.models}
    assert all(model.expires_at and model.context_length for model in running.models)


@pytest.mark.parametrize("keep_alive", ["5m", "10s", "0s", -1, 0, 0.0, 1.5])
async def test_keep_alive(house, keep_alive):
    reply = await used(
        house, lambda client: client.generate("tiny-chat", "", keep_alive=keep_alive)
    )
    gone = keep_alive in ("0s", 0)
    assert reply.done_reason == ("unload" if gone else "load")
    running = await used(house, lambda client: client.ps())
    assert ("tiny-chat:latest" not in {model.model for model in running.models}) is gone


async def test_embed(house):
    reply = await used(house, lambda client: client.embed("tiny-embed", ["a", "b"], truncate=True))
    assert [len(vector) for vector in reply.embeddings] == [4, 4]
    assert reply.prompt_eval_count == 8
    single = await used(house, lambda client: client.embed("tiny-embed", "a", dimensions=2))
    assert len(single.embeddings[0]) == 2
    older = await used(house, lambda client: client.embeddings("tiny-embed", "a"))
    assert list(older.embedding) == pytest.approx([3, 4, 0, 0])


@pytest.mark.parametrize("stream", [True, False])
async def test_an_unknown_model(house, stream: bool):
    def session(client):
        reply = client.chat("nope", TURNS, stream=stream)
        return list(reply)

    with pytest.raises(ollama.ResponseError) as raised:
        await used(house, session)
    assert (raised.value.status_code, raised.value.error) == (404, "model 'nope' not found")


@pytest.mark.parametrize("word", ["MIDERR", "DIE"])
async def test_a_broken_stream_raises(house, word: str):
    """Five clients of ten take a clean end without `done` for a whole answer."""
    shown = []

    def session(client):
        turns = [{"role": "user", "content": word}]
        shown.extend(part.message.content for part in client.chat("tiny-chat", turns, stream=True))

    with pytest.raises(ollama.ResponseError, match="an error was encountered"):
        await used(house, session)


async def test_an_engine_that_is_away(house):
    await house.chat.down()
    with pytest.raises(ollama.ResponseError) as raised:
        await used(house, lambda client: client.chat("tiny-chat", TURNS))
    assert raised.value.status_code == 503


async def test_an_option_of_the_wrong_kind(house):
    with pytest.raises(ollama.ResponseError, match='option "seed" must be of type integer'):
        await used(house, lambda client: client.chat("tiny-chat", TURNS, options={"seed": "x"}))


async def test_the_client_for_asyncio(house):
    async with ollama.AsyncClient(host=house.url) as client:
        parts = [part async for part in await client.chat("tiny-chat", TURNS, stream=True)]
        assert "".join(part.message.content for part in parts) == "Hello <b>"
        replies = await asyncio.gather(
            *(client.generate("tiny-chat", "hi", stream=False) for _ in range(8))
        )
        assert {reply.response for reply in replies} == {"Hello <b>"}
        assert len((await client.embed("tiny-embed", "a")).embeddings) == 1
        with pytest.raises(ollama.ResponseError, match="not found"):
            await client.show("nope")


async def test_leaving_a_stream_frees_the_engine(house):
    async with ollama.AsyncClient(host=house.url) as client:
        turns = [{"role": "user", "content": "SLOW"}]
        parts = await client.chat("tiny-chat", turns, stream=True)
        assert (await anext(parts)).message.content == "Hello"
        assert house.chat.in_flight == 1
        await parts.aclose()
        await house.chat.until(lambda: house.chat.in_flight == 0, within=PROMPTLY)
    assert house.chat.gone == 1
