"""The end of the adapter while it answers below /v1: whole answers are told of it too."""

import asyncio
import json
import signal

import pytest

from tests.support import plays
from tests.support.machine import free_port
from tests.support.raw_http import Connection
from tests.support.serve import serving_process

CHAT = {"model": "tiny-chat", "messages": [{"role": "user", "content": "hi"}]}
TOLD = {
    "error": {
        "message": "the adapter is shutting down",
        "type": "api_error",
        "param": None,
        "code": None,
    }
}


@pytest.mark.parametrize("stream", [True, False])
async def test_the_client_is_told(scripted, stream: bool):
    scripted.play = plays.endless("chat_stream_usage", 3) if stream else plays.hang_before_headers
    async with serving_process(free_port(), VLLM_URL=scripted.url) as adapter:
        await adapter.until_ready()
        async with await Connection.open(adapter.url) as connection:
            body = json.dumps(CHAT | {"stream": stream}).encode()
            await connection.send("POST", "/v1/chat/completions", body)
            await scripted.until(lambda: scripted.in_flight == 1)
            ending = adapter.end(signal.SIGTERM, within=30)
            code, last = await asyncio.gather(ending, last_words(connection))
    assert code == 0
    assert json.loads(last.removeprefix(b"data: ")) == TOLD


async def last_words(connection: Connection) -> bytes:
    head = await connection.head()
    assert head.status in (200, 503)
    last = chunk = await connection.chunk()
    while chunk and head.status == 200:
        last, chunk = chunk, await connection.chunk()
    return last
