"""Concurrent streams: none ends twice or never, none loses a token; who leaves frees a slot."""

import asyncio
import json

import pytest

from tests.support.raw_http import Connection
from tests.vllm.slots import becomes

LONG = {"temperature": 0, "num_predict": 3000, "seed": 1}


def chat(number: int, **more) -> dict:
    turns = [{"role": "user", "content": f"tell me about number {number}"}]
    return {"model": "tiny-chat", "messages": turns} | more


async def generated(engine) -> float:
    return await asyncio.to_thread(engine.metric, "vllm:generation_tokens_total")


async def test_sixteen_streams(engine, chatting):
    await becomes(engine, 0)
    before = await generated(engine)
    options = {"temperature": 1, "num_predict": 60}
    replies = await asyncio.gather(
        *(
            chatting.post("/api/chat", chat(number, options=options | {"seed": number}), within=60)
            for number in range(16)
        )
    )
    counted = 0
    for reply in replies:
        lines = reply.lines
        assert [line for line in lines if line["done"]] == [lines[-1]]
        assert lines[-1]["done_reason"] in ("length", "stop")
        assert lines[-1]["prompt_eval_count"] > 0
        counted += lines[-1]["eval_count"]
    async with asyncio.timeout(60):
        while await generated(engine) - before != counted:  # noqa: ASYNC110  # vLLM logs late
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("after_some_text", [True, False])
async def test_a_client_that_leaves_frees_its_slot(
    engine, chatting, stream: bool, after_some_text: bool
):
    await becomes(engine, 0)
    async with await Connection.open(chatting.url) as connection:
        body = chat(1, stream=stream, options=LONG)
        await connection.send("POST", "/api/chat", json.dumps(body).encode())
        await becomes(engine, 1, asked=connection)
        if stream and after_some_text:
            await connection.head()
            for _ in range(5):
                await connection.chunk()
        elif after_some_text:
            await asyncio.sleep(0.5)
        connection.reset()
        print(f"free after {await becomes(engine, 0):.2f} s")


async def test_half_of_many_leave(engine, chatting):
    await becomes(engine, 0)
    connections = [await Connection.open(chatting.url) for _ in range(8)]
    for number, connection in enumerate(connections):
        body = chat(number, stream=number % 2 == 0, options=LONG | {"num_predict": 1500})
        await connection.send("POST", "/api/chat", json.dumps(body).encode())
    # Not all eight: where the machine is busy, the first are done before the last begin.
    await becomes(engine, 4, or_more=True, asked=connections[0])
    for connection in connections[4:]:
        connection.reset()
    for number, connection in enumerate(connections[:4]):
        async with asyncio.timeout(120):
            assert (await connection.head()).status == 200
            last = b""
            while chunk := await connection.chunk():
                last = chunk
        reply = json.loads(last)
        assert (number, reply["done"], reply["eval_count"] > 0) == (number, True, True)
    for connection in connections:
        await connection.close()
    await becomes(engine, 0)
