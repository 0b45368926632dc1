"""The engine dies under an answer from documents. Last: it stays dead."""

import asyncio
import json

import orjson
import pytest

from tests.services.processes import LONG, installed
from tests.support.raw_http import Connection, Reply

CATS = ("cats.md", b"Cats eat fish at noon.")
BODY = {
    "model": "chatqna",
    "messages": [{"role": "user", "content": "When do cats eat?"}],
    "stream": True,
    "options": LONG,
    "max_tokens": 3000,
    "ignore_eos": True,
}


async def begun(base: str, path: str) -> Connection:
    """An answer of which some text has come."""
    connection = await Connection.open(base)
    await connection.send("POST", path, orjson.dumps(BODY))
    assert (await connection.head()).status == 200
    for _ in range(5):
        await connection.chunk()
    return connection


async def rest(connection: Connection) -> bytes:
    reply = Reply(200, {})
    while chunk := await connection.chunk():
        reply.chunks.append(chunk)
    return reply.body


@pytest.mark.timeout(300)
async def test_every_form_of_a_stream_tells_of_it(engine, embedding_engine, tmp_path):
    async with installed(engine, embedding_engine, tmp_path) as rag:
        await rag.upload(CATS)
        chatqna = rag.url("chatqna")
        async with asyncio.timeout(90):
            ollama, openai, opea = streams = await asyncio.gather(
                begun(rag.adapter.url, "/api/chat"),
                begun(chatqna, "/v1/chat/completions"),
                begun(chatqna, "/v1/chatqna"),
            )
            engine.kill_core()
            last = json.loads((await rest(ollama)).splitlines()[-1])
            assert list(last) == ["error"]
            for connection in (openai, opea):
                told = await rest(connection)
                assert b"[DONE]" not in told
                last = told.removesuffix(b"\n\n").rpartition(b"data: ")[2]
                assert orjson.loads(last)["error"]["type"] == "engine_error"
            for connection in streams:
                await connection.close()
        reply = await rag.ask("When do cats eat?", stream=True)
        assert reply.status in (500, 502, 503)
        assert reply.json["error"]["message"]
