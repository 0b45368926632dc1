"""The official clients against the adapter and the real engine."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ollama
import pytest

from tests.clients import running
from tests.clients.test_curl import curl
from tests.clients.test_ollama_js import run_session
from tests.support.serve import Adapter, serving

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(300)]
TURNS = [{"role": "user", "content": "hello there"}]
GREEDY = {"temperature": 0, "num_predict": 8}


@pytest.fixture
async def front(engine):
    async with serving(engine.url) as adapter:
        await adapter.until_ready()
        yield adapter


async def used(front: Adapter, session: Callable[[ollama.Client], Any]) -> Any:
    with ollama.Client(host=front.url) as client:
        return await asyncio.to_thread(session, client)


async def test_python(front):
    whole = await used(front, lambda client: client.chat("tiny-chat", TURNS, options=GREEDY))
    assert whole.eval_count == 8
    assert whole.eval_duration > 0

    def streamed(client):
        return list(client.generate("tiny-chat", "hello there", stream=True, options=GREEDY))

    parts = await used(front, streamed)
    assert "".join(part.response for part in parts) == whole.message.content
    assert parts[-1].eval_count == 8
    assert [model.model for model in (await used(front, lambda c: c.list())).models] == [
        "tiny-chat:latest"
    ]
    with pytest.raises(ollama.ResponseError, match="model 'nope' not found"):
        await used(front, lambda client: client.chat("nope", TURNS))


async def test_python_with_asyncio(front):
    async with ollama.AsyncClient(host=front.url) as client:
        replies = await asyncio.gather(
            *(client.chat("tiny-chat", TURNS, options=GREEDY) for _ in range(8))
        )
    assert {reply.eval_count for reply in replies} == {8}


async def test_python_embeddings(embedding_engine):
    async with serving(embedding_engine.url) as adapter:
        await adapter.until_ready()
        reply = await used(adapter, lambda client: client.embed("tiny-bert-embed", ["a", "b"]))
        assert [len(vector) for vector in reply.embeddings] == [64, 64]
        older = await used(adapter, lambda client: client.embeddings("tiny-bert-embed", "a"))
        assert len(older.embedding) == 64


@pytest.mark.node
async def test_javascript(front, session_script):
    got = await run_session(session_script, front.url, "tiny-chat", "")
    assert got["chat"]["eval_count"] == 5
    assert got["chat_stream"][-1]["done"] is True
    assert got["generate_stream"][-1]["done"] is True
    assert got["unknown"]["status_code"] == 404
    assert got["aborted"]["name"] == "AbortError"


async def test_curl(front):
    body = json.dumps({"model": "tiny-chat", "messages": TURNS, "options": GREEDY})
    code, out = await curl(front.url + "/api/chat", "-d", body)
    assert code == 0
    assert json.loads(out.splitlines()[-1])["eval_count"] == 8


@pytest.mark.clients
async def test_openai_and_anthropic(front, count):
    outcome = await running.own_session("openai-anthropic", front.url, "real")
    outcome = replace(outcome, title=f"{outcome.title}, with the real engine")
    outcome.judge()
    count(outcome)


@pytest.mark.clients
async def test_langchain_community(engine, embedding_engine, count):
    models = {
        "llama3.2": {"upstream": "engine0", "served_name": "tiny-chat"},
        "nomic-embed-text": {"upstream": "engine1", "served_name": "tiny-bert-embed"},
    }
    async with serving(engine.url, embedding_engine.url, models=models) as adapter:
        await adapter.until_ready()
        outcome = await running.own_session("langchain-community", adapter.url, "real")
    outcome = replace(outcome, title=f"{outcome.title}, with the real engine")
    outcome.judge()
    count(outcome)
