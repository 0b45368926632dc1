"""An engine that is away, and what answers in its place: told, and over by itself."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp import web

from tests.support import plays
from tests.support.ollama_standin import OllamaStandIn, chats, lines, text_of
from tests.support.raw_http import Reply, send
from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import IMPATIENT, Adapter, serving
from tests.support.words import words

CHAT = {"model": "llama3.2", "messages": [{"role": "user", "content": "hi"}]}
MODELS = {
    "llama3.2": {
        "upstream": "engine0",
        "served_name": "tiny-chat",
        "fallback": "phase1/llama3.2:3b",
        "aliases": ["llama2:7b"],
    }
}


@dataclass
class Phases:
    adapter: Adapter
    vllm: ScriptedVLLM
    phase1: OllamaStandIn

    async def chat(self, **more: object) -> Reply:
        return await self.adapter.post("/api/chat", CHAT | more)

    async def until_answered_by(self, upstream: str, within: float = 2.0) -> Reply:
        async with asyncio.timeout(within):
            while True:
                reply = await self.chat()
                if reply.headers.get("x-adapter-upstream") == upstream and reply.status == 200:
                    return reply
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def opened(scripted: ScriptedVLLM, **how: object) -> AsyncIterator[Phases]:
    how.setdefault("models", MODELS)
    async with (
        OllamaStandIn("llama3.2:3b", "tiny-chat:latest", "old:latest") as phase1,
        serving(scripted.url, ollamas={"phase1": phase1.url}, **how) as adapter,
    ):
        phase1.play("/api/chat", chats)
        await adapter.until_ready()
        yield Phases(adapter, scripted, phase1)


@pytest.fixture
async def phases(scripted: ScriptedVLLM) -> AsyncIterator[Phases]:
    async with opened(scripted) as found:
        yield found


def by_phase1(reply: Reply, asked: str = "llama3.2") -> None:
    assert reply.status == 200, reply.text
    assert reply.headers["x-adapter-fallback"] == "phase1"
    assert reply.headers["x-adapter-upstream"] == "phase1"
    assert {line["model"] for line in reply.lines} == {asked}
    assert reply.lines[-1]["done"]


def by_vllm(reply: Reply) -> None:
    assert reply.status == 200, reply.text
    assert "x-adapter-fallback" not in reply.headers
    assert reply.headers["x-adapter-upstream"] == "engine0"


async def test_there_and_back(phases, caplog):
    by_vllm(await phases.chat())
    assert phases.phase1.asked == []
    await phases.vllm.down()
    with caplog.at_level(logging.INFO):
        by_phase1(await phases.chat())  # the very first that finds it away
        by_phase1(await phases.chat(model="llama2:7b"), "llama2:7b")
        await asyncio.sleep(0.1)
    assert phases.phase1.asked[0].json["model"] == "llama3.2:3b"
    assert [m for m in caplog.messages if "fallback=phase1" in m and "upstream=phase1" in m]
    await phases.vllm.up()
    by_vllm(await phases.until_answered_by("engine0"))
    labels = {"model": "llama3.2:latest", "upstream": "phase1"}
    assert await phases.adapter.metric("adapter_fallbacks_total", **labels) >= 2


@pytest.mark.parametrize(
    "path", ["/api/embed", "/v1/embeddings", "/api/generate", "/v1/chat/completions"]
)
async def test_every_route_about_a_model(phases, path: str):
    async def echoes(http, asked):
        return web.json_response({"model": asked.json["model"]}, dumps=_compact)

    phases.phase1.play(path, echoes)
    await phases.vllm.down()
    reply = await phases.adapter.post(path, CHAT | {"input": "a", "prompt": "a", "stream": False})
    assert reply.json == {"model": "llama3.2"}
    assert phases.phase1.asked[-1].json["model"] == "llama3.2:3b"
    assert reply.headers["x-adapter-fallback"] == "phase1"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


async def test_while_the_engine_loads(scripted):
    await scripted.down()
    async with (
        OllamaStandIn("llama3.2:3b") as phase1,
        serving(scripted.url, ollamas={"phase1": phase1.url}, models=MODELS) as adapter,
    ):
        phase1.play("/api/chat", chats)
        by_phase1(await adapter.post("/api/chat", CHAT))
    await scripted.up()


@pytest.mark.parametrize(
    "play",
    [
        plays.refuse(500, {"error": {"message": "dead"}}),
        plays.refuse(404, {"error": {"message": "The model `tiny-chat` does not exist."}}),
        plays.hang_after("chat_stream_usage", 0),
    ],
    ids=["broken", "started anew with others", "silent"],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_what_fails_before_the_first_byte(scripted, play, stream: bool):
    scripted.play = play
    async with opened(scripted, timeouts=IMPATIENT) as phases:
        reply = await phases.chat(stream=stream)
        assert reply.headers["x-adapter-fallback"] == "phase1"
        assert b"from" in reply.body


async def test_what_breaks_later_is_told_and_not_begun_again(phases):
    phases.vllm.play = plays.drop_after("chat_stream_usage", 700)
    reply = await phases.chat()
    assert reply.status == 200
    assert "error" in reply.lines[-1]
    assert not any(line.get("done") for line in reply.lines)
    assert phases.phase1.asked == []


async def test_what_the_request_is_at_fault_for_is_told(phases):
    phases.vllm.play = plays.refuse(400, {"error": {"message": "no"}})
    assert (await phases.chat()).status == 400
    reply = await phases.chat(options={"temperature": "hot"})
    assert reply.status == 500
    assert "must be of type" in reply.json["error"]
    assert phases.phase1.asked == []


async def test_without_a_fallback_it_is_503(scripted):
    async with opened(scripted, models={}) as phases:
        await scripted.down()
        reply = await phases.chat(model="tiny-chat")
        assert (reply.status, reply.headers["retry-after"]) == (503, "2")
        await scripted.up()


async def test_both_are_away(phases):
    await phases.vllm.down()
    await phases.phase1.down()
    reply = await phases.chat()
    assert (reply.status, reply.headers["retry-after"]) == (503, "2")
    assert "phase1" in reply.json["error"]


async def test_a_broken_answer_of_the_fallback_never_looks_finished(phases):
    await phases.vllm.down()

    async def breaks(http, asked):
        return await lines(*text_of(http, asked)[:2], then="drop")(http, asked)

    phases.phase1.play("/api/chat", breaks)
    reply = await phases.chat()
    assert reply.lines[-1] == {"error": "the engine phase1 broke off its answer"}
    assert not any(line.get("done") for line in reply.lines)


async def test_an_alias_with_words_of_its_own_has_none(phases):
    for name, more in (("mario", {"system": "You are Mario."}), ("plain", {})):
        body = {"model": name, "from": "llama3.2", **more}
        assert (await phases.adapter.post("/api/create", body)).status == 200
    await phases.vllm.down()
    by_phase1(await phases.chat(model="plain"), "plain")
    assert (await phases.chat(model="mario")).status == 503


async def test_an_ollama_stands_in_for_an_ollama():
    models = {"eyes": {"upstream": "a", "served_name": "llava", "fallback": "b/llava:7b"}}
    async with OllamaStandIn("llava:latest") as a, OllamaStandIn("llava:7b") as b:
        a.play("/api/chat", chats)
        b.play("/api/chat", chats)
        async with serving(ollamas={"a": a.url, "b": b.url}, models=models) as adapter:
            await adapter.until_ready()
            for down, upstream in ((False, "a"), (True, "b"), (True, "b")):
                if down:
                    await a.down()
                reply = await adapter.post("/api/chat", CHAT | {"model": "eyes"})
                assert reply.headers["x-adapter-upstream"] == upstream
                assert {line["model"] for line in reply.lines} == {"eyes"}


def says(status: int, body: object, content_type: str = "application/json"):
    async def play(http, asked):
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(text=text, status=status, content_type=content_type)

    return play


NOT_FOUND = {"error": "model 'llava:latest' not found"}
EYES = {"eyes": {"upstream": "a", "served_name": "llava", "fallback": "b/llava:7b"}}


@contextlib.asynccontextmanager
async def two_ollamas(path: str, play) -> AsyncIterator[tuple[Adapter, OllamaStandIn]]:
    """The first answers so."""
    async with OllamaStandIn("llava:latest") as a, OllamaStandIn("llava:7b") as b:
        a.play(path, play)
        b.play(path, says(200, {"from": "b"}))
        async with serving(ollamas={"a": a.url, "b": b.url}, models=EYES) as adapter:
            await adapter.until_ready()
            yield adapter, b


@pytest.mark.parametrize(
    ("path", "play"),
    [
        ("/api/chat", says(500, {"error": "llama runner process has terminated"})),
        ("/api/chat", says(503, {"error": "server busy, please try again."})),
        ("/api/chat", says(404, NOT_FOUND)),
        ("/api/embed", says(404, NOT_FOUND)),
        ("/v1/chat/completions", says(404, {"error": {"message": NOT_FOUND["error"]}})),
        ("/v1/chat/completions", says(502, "<html>no</html>", "text/html")),
    ],
)
async def test_an_ollama_that_is_at_fault(path: str, play):
    async with two_ollamas(path, play) as (adapter, _):
        reply = await adapter.post(path, CHAT | {"model": "eyes"})
        assert (reply.status, reply.json) == (200, {"from": "b"})
        assert reply.headers["x-adapter-fallback"] == "b"
        assert reply.headers["x-adapter-upstream"] == "b"
        assert await adapter.metric("adapter_fallbacks_total", upstream="b") == 1


@pytest.mark.parametrize(
    ("status", "body"), [(400, '{"error":"no images"}'), (404, "404 page not found")]
)
async def test_what_an_ollama_is_not_at_fault_for_is_told(status: int, body: str):
    async with two_ollamas("/api/chat", says(status, body, "text/plain")) as (adapter, b):
        reply = await adapter.post("/api/chat", CHAT | {"model": "eyes"})
        assert (reply.status, reply.text) == (status, body)
        assert reply.headers["x-adapter-upstream"] == "a"
        assert b.asked == []


async def test_management_of_what_an_ollama_has_does_not_fall_back():
    async with two_ollamas("/api/show", says(404, NOT_FOUND)) as (adapter, b):
        reply = await adapter.post("/api/show", {"model": "eyes"})
        assert (reply.status, reply.headers["x-adapter-upstream"]) == (404, "a")
        assert b.asked == []


async def test_the_words_of_the_last_are_told():
    async with two_ollamas("/api/chat", says(500, {"error": "first"})) as (adapter, b):
        b.play("/api/chat", says(500, {"error": "second"}))
        reply = await adapter.post("/api/chat", CHAT | {"model": "eyes"})
        assert (reply.status, reply.json) == (500, {"error": "second"})
        assert reply.headers["x-adapter-fallback"] == "b"


async def test_another_vllm_stands_in(scripted):
    other = ScriptedVLLM(words, models=("small",))
    await other.up()
    models = {"tiny-chat": {"upstream": "engine0", "fallback": "engine1/small"}}
    async with serving(scripted.url, other.url, models=models) as adapter:
        await adapter.until_ready()
        await scripted.down()
        reply = await adapter.post("/api/chat", CHAT | {"model": "tiny-chat"})
        assert reply.headers["x-adapter-fallback"] == "engine1"
        assert {line["model"] for line in reply.lines} == {"tiny-chat"}
        chat = await adapter.post("/v1/chat/completions", CHAT | {"model": "tiny-chat"})
        assert chat.headers["x-adapter-fallback"] == "engine1"
    await other.down()
    await scripted.up()


async def test_killed_and_restarted_under_load(phases):
    """Every request is answered whole, by one or the other, or says that it broke."""
    over = asyncio.Event()
    replies: list[Reply] = []

    async def asks() -> None:
        while not over.is_set():
            replies.append(await phases.chat())
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(asks())
        for _ in range(2):
            await asyncio.sleep(0.4)
            await phases.vllm.down()
            await asyncio.sleep(0.4)
            await phases.vllm.up()
            await phases.until_answered_by("engine0")
        over.set()
    assert {reply.status for reply in replies} == {200}
    assert {reply.headers["x-adapter-upstream"] for reply in replies} == {"engine0", "phase1"}
    broken = [reply for reply in replies if "error" in reply.lines[-1]]
    whole = [reply for reply in replies if reply.lines[-1].get("done")]
    assert len(broken) + len(whole) == len(replies)
    assert len(broken) <= 16, "only those that were being answered"


async def switched(adapter: Adapter, what: str, headers=None, **body: str) -> Reply:
    how = {"headers": headers} if headers else {}
    return await adapter.post(f"/adapter/{what}", body, **how)


async def test_rollback_and_resume(phases):
    reply = await switched(phases.adapter, "rollback")
    assert reply.json["rolled_back_to"] == "phase1"
    assert reply.json["models"]["llama3.2:latest"] == "phase1"
    by_phase1(await phases.chat())
    assert (await phases.adapter.get("/ready")).json["rolled_back_to"] == "phase1"
    assert await phases.adapter.metric("adapter_rolled_back", upstream="phase1") == 1
    assert phases.vllm.seen == []
    assert (await switched(phases.adapter, "resume")).json == {"resumed": True}
    by_vllm(await phases.chat())
    assert (await switched(phases.adapter, "resume")).json == {"resumed": False}
    assert await phases.adapter.metric("adapter_rolled_back", upstream="phase1") == 0


async def test_rolled_back_by_its_name_alone(scripted):
    async with opened(scripted, models={}) as phases:
        by_vllm(await phases.chat(model="tiny-chat"))
        await switched(phases.adapter, "rollback", to="phase1")
        by_phase1(await phases.chat(model="tiny-chat"), "tiny-chat")
        old = await phases.chat(model="old")
        assert "x-adapter-fallback" not in old.headers, "it is phase 1's own"


async def test_what_phase_one_does_not_have_stays(scripted):
    scripted.models = ("tiny-chat", "new")
    async with opened(scripted, models={}) as phases:
        await switched(phases.adapter, "rollback")
        by_vllm(await phases.chat(model="new"))


async def test_another_process_sees_it(scripted, tmp_path):
    state_dir = str(tmp_path)
    async with (
        opened(scripted, state_dir=state_dir) as one,
        serving(
            scripted.url, ollamas={"phase1": one.phase1.url}, models=MODELS, state_dir=state_dir
        ) as two,
    ):
        await two.until_ready()
        by_vllm(await two.post("/api/chat", CHAT))
        await switched(one.adapter, "rollback")
        by_phase1(await two.post("/api/chat", CHAT))
    async with opened(scripted, state_dir=state_dir) as anew:
        by_phase1(await anew.chat())
        await switched(anew.adapter, "resume")
        by_vllm(await anew.chat())


async def test_only_this_machine_may(phases):
    for header in ("X-Forwarded-For", "Forwarded", "Via"):
        reply = await switched(phases.adapter, "rollback", {header: "10.0.0.9"})
        assert (reply.status, reply.json) == (
            403,
            {"error": "only this machine may roll back or resume"},
        )
    by_vllm(await phases.chat())


async def test_a_rollback_that_makes_no_sense(phases):
    reply = await switched(phases.adapter, "rollback", to="nowhere")
    assert (reply.status, reply.json) == (
        400,
        {"error": "there is no upstream 'nowhere': there are engine0, phase1"},
    )
    assert (await send(phases.adapter.url, "POST", "/adapter/rollback", b"[]")).status == 400


async def test_it_is_not_clear_to_which(scripted):
    async with serving(scripted.url) as adapter:
        reply = await switched(adapter, "rollback")
        assert (reply.status, reply.json) == (
            400,
            {"error": "say to which upstream: --to one of engine0"},
        )
