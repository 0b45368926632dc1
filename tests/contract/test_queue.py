"""How many may wait: until their first token, and no longer."""

import asyncio
import select
import socket
import time

import pytest

from tests.support import plays
from tests.support.serve import serving

CHAT = {"model": "tiny-chat", "messages": [{"role": "user", "content": "hi"}]}
BUSY = "server busy, please try again.  maximum pending requests exceeded"


@pytest.mark.parametrize("stream", [True, False])
async def test_those_who_wait_for_their_first_token_are_counted(scripted, stream: bool):
    scripted.play = plays.in_turn(
        plays.hang_before_headers, plays.hang_before_headers, plays.recorded("chat_stream_usage")
    )
    async with serving(scripted.url, max_queue=2) as adapter:
        await adapter.until_ready()
        body = CHAT | {"stream": stream}
        waiting = [asyncio.ensure_future(adapter.post("/api/chat", body)) for _ in range(2)]
        await scripted.until(lambda: scripted.in_flight == 2)
        reply = await adapter.post("/api/chat", body)
        assert (reply.status, reply.json) == (503, {"error": BUSY})
        assert reply.headers["retry-after"] == "2"
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await scripted.until(lambda: scripted.in_flight == 0)
        assert (await adapter.post("/api/chat", body)).status == 200


@pytest.mark.parametrize("stream", [True, False])
async def test_those_whose_answer_has_begun_are_not(scripted, stream: bool):
    scripted.play = plays.in_turn(
        plays.hang_after("chat_stream_usage", 3),
        plays.hang_after("chat_stream_usage", 3),
        plays.recorded("chat_stream_usage"),
    )
    async with serving(scripted.url, max_queue=2) as adapter:
        await adapter.until_ready()
        body = CHAT | {"stream": stream}
        running = [asyncio.ensure_future(adapter.post("/api/chat", body)) for _ in range(2)]
        await scripted.until(lambda: scripted.in_flight == 2)
        async with asyncio.timeout(5):
            while (await adapter.post("/api/chat", body)).status != 200:  # noqa: ASYNC110  # HTTP
                await asyncio.sleep(0.01)
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def test_many_who_come_at_once_are_let_in():
    """More than a default backlog, while the server's loop is busy with something else."""
    async with serving("http://127.0.0.1:1") as adapter:
        port = int(adapter.url.rpartition(":")[2])
        clients = [socket.socket() for _ in range(400)]
        try:
            for client in clients:
                client.setblocking(False)
                client.connect_ex(("127.0.0.1", port))
            time.sleep(0.1)  # noqa: ASYNC251  # nobody accepts meanwhile
            _, connected, _ = select.select([], clients, [], 0)
            assert len(connected) == len(clients)
        finally:
            for client in clients:
                client.close()
