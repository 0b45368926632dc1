"""The engine dies under a running answer, and comes back. Last, for it takes restarts."""

import asyncio
import json
import os
import signal

from tests.support.machine import PROMPTLY
from tests.support.raw_http import Connection
from tests.support.serve import serving

TURNS = [{"role": "user", "content": "tell me a long story"}]
LONG = {
    "model": "tiny-chat",
    "messages": TURNS,
    "options": {"temperature": 0, "num_predict": 4000},
}
SHORT = {
    "model": "tiny-chat",
    "messages": TURNS,
    "options": {"temperature": 0, "num_predict": 5},
    "stream": False,
}


async def begun(base: str, stream: bool) -> Connection:
    connection = await Connection.open(base)
    await connection.send("POST", "/api/chat", json.dumps(LONG | {"stream": stream}).encode())
    return connection


async def lines_of(connection: Connection) -> list[dict]:
    lines = []
    while chunk := await connection.chunk():
        lines.append(json.loads(chunk))
    return lines


async def whole_is_refused(connection: Connection) -> None:
    head = await connection.head()
    assert head.status in (500, 502, 503, 504)
    assert list(json.loads(await connection.chunk())) == ["error"]


async def away_is_told(adapter) -> None:
    async with asyncio.timeout(15):
        # A dying API process still answers 500 for a moment on the connections that it has.
        while (await adapter.post("/api/chat", SHORT)).status == 500:  # noqa: ASYNC110  # HTTP
            await asyncio.sleep(0.05)
    for stream in (True, False):
        reply = await adapter.post("/api/chat", SHORT | {"stream": stream}, within=PROMPTLY)
        assert reply.status == 503, reply.text
        assert int(reply.headers["retry-after"]) > 0
        assert list(reply.json) == ["error"]
    assert (await adapter.get("/health")).status == 200
    assert (await adapter.get("/ready")).status == 503
    assert (await adapter.get("/api/tags")).status == 200


async def test_the_engine_core_is_killed_and_comes_back(engine):
    async with serving(engine.url) as adapter:
        await adapter.until_ready()
        async with (
            asyncio.timeout(90),
            await begun(adapter.url, True) as streamed,
            await begun(adapter.url, False) as whole,
        ):
            assert (await streamed.head()).status == 200
            for _ in range(5):
                await streamed.chunk()
            engine.kill_core()
            *_, last = await lines_of(streamed)
            assert list(last) == ["error"]
            assert last["error"].startswith("an error was encountered while running the model: ")
            await whole_is_refused(whole)
            async with asyncio.timeout(10):
                while await asyncio.to_thread(engine.listening):  # noqa: ASYNC110  # it takes 0.5 s
                    await asyncio.sleep(0.05)
            await away_is_told(adapter)
            await asyncio.to_thread(engine.restart)
            reply = await adapter.post("/api/chat", SHORT, within=3)
            assert (reply.status, reply.json["eval_count"]) == (200, 5)
        assert (await adapter.get("/ready")).status == 200


async def test_the_engine_is_told_to_stop_under_a_running_answer(engine):
    """vLLM then hangs on the open stream for ever; the idle limit ends it."""
    limits = {"connect": 1, "first_byte": 4, "idle": 2}
    async with serving(engine.url, timeouts=limits) as adapter:
        await adapter.until_ready()
        async with (
            asyncio.timeout(90),
            await begun(adapter.url, True) as streamed,
            await begun(adapter.url, False) as whole,
        ):
            assert (await streamed.head()).status == 200
            await streamed.chunk()
            os.kill(engine.pid, signal.SIGTERM)
            async with asyncio.timeout(8):
                *_, last = await lines_of(streamed)
                assert list(last) == ["error"]
                await whole_is_refused(whole)
            await away_is_told(adapter)
    await asyncio.to_thread(engine.restart)
