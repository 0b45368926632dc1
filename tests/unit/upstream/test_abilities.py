"""Asking an engine what its models can do: what each answer means, and what is no answer."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from adapter.errors import (
    AdapterError,
    Busy,
    EngineFault,
    PromptTooLong,
    RouteMissing,
    UpstreamAway,
    UpstreamBroken,
    UpstreamRefused,
    UpstreamSilent,
)
from adapter.upstream import abilities as module
from adapter.upstream.abilities import ASSUMED, Abilities
from tests.support.recordings import recording

PLAIN = recording("ability_plain").body
THINKING = recording("ability_tools_thinking").body
NO_TOOLS = UpstreamRefused('"auto" tool choice requires --enable-auto-tool-choice', status=400)
BLIND = UpstreamRefused("m is not a multimodal model", status=400)
NO_PICTURE = UpstreamRefused("Non-base64 digit found", status=400)

Answer = bytes | AdapterError


class Engine:
    """Answers the questions: with tools, without, and the picture."""

    def __init__(self, with_tools: Answer, without: Answer, picture: Answer) -> None:
        self.answers = {"tools": with_tools, "plain": without, "picture": picture}
        self.questions: list[str] = []
        self.free = asyncio.Event()
        self.free.set()
        self.abilities = Abilities("m", self.post)

    async def post(self, path: str, body: Mapping[str, Any]) -> bytes:
        assert path == "chat/completions"
        pictured = isinstance(body["messages"][0]["content"], list)
        self.questions.append("picture" if pictured else "tools" if "tools" in body else "plain")
        await self.free.wait()
        answer = self.answers[self.questions[-1]]
        if isinstance(answer, AdapterError):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    monkeypatch.setattr(module, "FIRST_WAIT", 0.0)


@pytest.mark.parametrize(
    ("with_tools", "without", "picture", "found"),
    [
        (PLAIN, PLAIN, BLIND, {"tools"}),
        (THINKING, PLAIN, BLIND, {"tools", "thinking"}),
        (NO_TOOLS, PLAIN, BLIND, set()),
        (NO_TOOLS, THINKING, BLIND, {"thinking"}),
        (NO_TOOLS, THINKING, NO_PICTURE, {"thinking", "vision"}),
        (PLAIN, PLAIN, NO_PICTURE, {"tools", "vision"}),
        (PLAIN, PLAIN, PLAIN, {"tools"}),
        (NO_TOOLS, NO_TOOLS, BLIND, set()),
        (PromptTooLong("long"), PLAIN, BLIND, set()),
        (PromptTooLong("long"), PLAIN, PromptTooLong("long"), set()),
        (RouteMissing("Not Found", status=404),) * 3 + (set(),),
    ],
)
async def test_what_the_answers_mean(with_tools, without, picture, found):
    engine = Engine(with_tools, without, picture)
    assert await engine.abilities.known() == found
    asked = list(engine.questions)
    assert await engine.abilities.known() == found
    assert engine.questions == asked, "it is asked once"


NO_ANSWERS = [
    UpstreamAway("away"),
    UpstreamBroken("broke off"),
    UpstreamSilent("silent"),
    EngineFault("died"),
    Busy("busy"),
    UpstreamRefused("too many requests", status=429),
    UpstreamRefused("failed", status=500),
    UpstreamRefused("the engine refused the adapter's API key", status=502),
    UpstreamRefused("The model `m` does not exist", status=404),
]


@pytest.mark.parametrize("error", NO_ANSWERS, ids=lambda error: f"{type(error).__name__} {error}")
@pytest.mark.parametrize("at", ["tools", "picture"])
async def test_what_tells_nothing_is_asked_again(error: AdapterError, at: str):
    engine = Engine(PLAIN, PLAIN, BLIND)
    engine.answers[at] = error
    assert await engine.abilities.known() == ASSUMED
    engine.answers[at] = PLAIN if at == "tools" else BLIND
    assert await engine.abilities.known() == {"tools"}


async def test_a_list_does_not_wait_for_an_engine_that_is_busy():
    engine = Engine(PLAIN, PLAIN, BLIND)
    engine.free.clear()
    async with asyncio.timeout(2):
        assert await engine.abilities.known() == ASSUMED
        assert await engine.abilities.known() == ASSUMED
    assert engine.questions == ["tools"], "one question at a time"
    engine.free.set()
    assert await engine.abilities.known() == {"tools"}


async def test_several_lists_at_once_share_the_asking():
    engine = Engine(UpstreamAway("away"), PLAIN, BLIND)
    found = await asyncio.gather(*(engine.abilities.known() for _ in range(5)))
    assert found == [ASSUMED] * 5
    assert engine.questions == ["tools"]


async def test_who_waits_when_the_asking_is_ended_knows_nothing():
    engine = Engine(PLAIN, PLAIN, BLIND)
    engine.free.clear()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(engine.abilities.known())
        await asyncio.sleep(0.01)
        engine.abilities.forget()
    assert waiting.result() == ASSUMED
    engine.abilities.forget()


def test_nothing_is_forgotten_before_anything_was_asked():
    Abilities("m", Engine(PLAIN, PLAIN, BLIND).post).forget()


async def test_an_answer_that_no_list_waited_for_is_news():
    engine = Engine(PLAIN, PLAIN, BLIND)
    told: list[str] = []
    engine.abilities = Abilities("m", engine.post, lambda: told.append("news"))
    assert await engine.abilities.known() == {"tools"}
    assert told == []
    engine.abilities = Abilities("m", engine.post, lambda: told.append("news"))
    engine.free.clear()
    assert await engine.abilities.known() == ASSUMED
    engine.free.set()
    assert await engine.abilities.known() == {"tools"}
    assert told == ["news"]


async def test_it_is_asked_again_later_and_later(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(module, "LONGEST_WAIT", 0.15)
    engine = Engine(UpstreamAway("away"), PLAIN, BLIND)
    began = asyncio.get_running_loop().time()
    times = []
    async with asyncio.timeout(5):
        while len(times) < 4:
            assert await engine.abilities.known() == ASSUMED
            if len(engine.questions) > len(times):
                times.append(asyncio.get_running_loop().time() - began)
            await asyncio.sleep(0.005)
    pauses = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert [round(pause / 0.05) for pause in pauses] == [1, 2, 3]
