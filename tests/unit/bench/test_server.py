from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from adapter.bench.dialects import OLLAMA, OPENAI
from adapter.bench.server import Server, Unusable, session
from tests.support.recordings import recording
from tests.support.scripted_vllm import ScriptedVLLM, Stage
from tests.support.serve import Adapter
from tests.support.words import COMPLETION_TOKENS


@pytest.fixture
async def opened() -> AsyncIterator[aiohttp.ClientSession]:
    async with session(5.0) as found:
        yield found


@pytest.fixture
async def engine(scripted: ScriptedVLLM, opened: aiohttp.ClientSession) -> Server:
    server = Server("direct", scripted.url, opened, OPENAI)
    await server.choose("tiny-chat")
    return server


async def test_an_answer_of_each_kind(
    adapter: Adapter, engine: Server, opened: aiohttp.ClientSession
):
    server = Server("server", adapter.url, opened, OLLAMA)
    await server.choose("")
    assert server.model == "tiny-chat:latest"
    for one in (server, engine):
        await one.try_out()
        answer = await one.ask(1, 10)
        assert (answer.fault, answer.tokens) == ("", COMPLETION_TOKENS)
        assert answer.first is not None
        assert all(gap >= 0 for gap in answer.gaps)


async def test_a_name_without_its_tag(adapter: Adapter, opened: aiohttp.ClientSession):
    server = Server("server", adapter.url, opened, OLLAMA)
    await server.choose("tiny-chat")
    assert server.model == "tiny-chat:latest"


async def test_an_unknown_model(engine: Server):
    with pytest.raises(Unusable, match="has no model other; it has tiny-chat"):
        await engine.choose("other")


async def test_a_server_of_another_kind(scripted: ScriptedVLLM, opened: aiohttp.ClientSession):
    server = Server("server", scripted.url, opened, OLLAMA)
    with pytest.raises(Unusable, match="is no server of Ollama's API"):
        await server.choose("")


async def test_a_refusal_ends_the_run_before_it_begins(scripted: ScriptedVLLM, engine: Server):
    async def refuse(stage: Stage) -> None:
        await stage.answer(recording("err_unknown_model"))

    scripted.play = refuse
    with pytest.raises(Unusable, match="gives no answer with the model tiny-chat: status 404"):
        await engine.try_out()


async def test_an_engine_that_dies(scripted: ScriptedVLLM, engine: Server):
    async def die(stage: Stage) -> None:
        await stage.answer(recording("stream_engine_killed"))

    scripted.play = die
    assert (await engine.ask(1, 10)).fault.startswith("error in the stream: ")


async def test_a_stream_that_ends_too_early(scripted: ScriptedVLLM, engine: Server):
    async def cut(stage: Stage) -> None:
        await stage.head(200, {"content-type": "text/event-stream"}, length=None)
        await stage.write(recording("chat_stream_usage").events[0])

    scripted.play = cut
    assert (await engine.ask(1, 10)).fault == "cut"


async def test_what_is_no_stream(scripted: ScriptedVLLM, engine: Server):
    async def babble(stage: Stage) -> None:
        await stage.head(200, {"content-type": "text/event-stream"}, length=14)
        await stage.write(b"data: <html>\n\n")

    scripted.play = babble
    assert (await engine.ask(1, 10)).fault == "malformed"


async def test_nobody_there(opened: aiohttp.ClientSession, unused_tcp_port: int):
    server = Server("server", f"http://127.0.0.1:{unused_tcp_port}", opened, OLLAMA)
    assert (await server.ask(1, 10)).fault == "Connection refused"
