from __future__ import annotations

import asyncio

import pytest

from adapter.bench.dialects import OPENAI
from adapter.bench.figures import Round
from adapter.bench.load import Load
from adapter.bench.server import Server, session
from tests.support.scripted_vllm import ScriptedVLLM, Stage


async def test_servers_take_turns(scripted: ScriptedVLLM):
    told: list[Round] = []
    async with session(5.0) as opened:
        servers = [Server(name, scripted.url, opened, OPENAI) for name in "ab"]
        for server in servers:
            await server.choose("tiny-chat")
        load = Load(tokens=10, requests=3, told=told.append)
        await load.run(servers, [1, 2])
    assert [(row.server, row.streams) for row in told] == [
        *(("a", 1), ("b", 1), ("a", 1), ("b", 1)),
        *(("a", 2), ("b", 2), ("a", 2), ("b", 2)),
    ]
    assert told == load.rounds
    assert [len(row.answers) for row in told] == [3] * 4 + [6] * 4
    prompts = [asked.body["messages"][0]["content"] for asked in scripted.seen]
    assert len({*prompts}) == len(prompts)


async def test_what_was_measured_stays_when_it_is_cancelled(scripted: ScriptedVLLM):
    words, asked, hangs = scripted.play, 0, asyncio.Event()

    async def two_then_none(stage: Stage) -> None:
        nonlocal asked
        asked += 1
        if asked <= 2:
            await words(stage)
        else:
            hangs.set()
            await asyncio.sleep(30)

    scripted.play = two_then_none
    async with session(60.0) as opened:
        server = Server("a", scripted.url, opened, OPENAI)
        await server.choose("tiny-chat")
        load = Load(10, 5, lambda _: None)
        running = asyncio.ensure_future(load.run([server], [1]))
        await hangs.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    [row] = load.rounds
    assert [answer.fault for answer in row.answers] == ["", ""]
