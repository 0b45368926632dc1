"""What an Ollama tells of its models one by one: none waits for another."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

from adapter.errors import UpstreamRefused, UpstreamSilent
from adapter.upstream.shows import AT_ONCE, FIRST_WAIT, LONGEST_WAIT, PATIENCE, Shows
from adapter.wire.openai import ServedModel
from tests.unit.upstream.timeless import TimelessLoop

LOOPS = {"timeless": TimelessLoop}
SEES = b'{"capabilities":["completion","vision"],"model_info":{"x.context_length":512}}'
A, B = ServedModel("a:latest", root="1"), ServedModel("b:latest", root="2")


def told(row: ServedModel) -> ServedModel:
    return replace(row, capabilities=frozenset({"completion", "vision"}), context_length=512)


class Ollama:
    """`answers` by model: after so many seconds; a negative number is a failure after them."""

    def __init__(self, **seconds: float) -> None:
        self.seconds = seconds
        self.asked: list[str] = []
        self.at_once = self.most_at_once = self.news = 0
        self.shows = Shows(self.show, self.has_news)

    def has_news(self) -> None:
        self.news += 1

    async def show(self, model: str) -> bytes:
        self.asked.append(model)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        seconds = self.seconds.get(model.partition(":")[0], 0.0)
        try:
            await asyncio.sleep(abs(seconds))
        finally:
            self.at_once -= 1
        if seconds < 0:
            raise UpstreamSilent("no word")
        return SEES


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_an_answer_is_asked_for_once():
    ollama = Ollama()
    for _ in range(3):
        assert await ollama.shows.known([A, B]) == [told(A), told(B)]
    assert sorted(ollama.asked) == ["a:latest", "b:latest"]
    assert ollama.news == 0


async def test_a_slow_one_keeps_nothing_back_and_comes_with_a_later_list():
    ollama = Ollama(a=30)
    began = now()
    assert await ollama.shows.known([A, B]) == [A, told(B)]
    assert now() - began <= PATIENCE
    for _ in range(5):
        waited = now()
        assert await ollama.shows.known([A, B]) == [A, told(B)]
        assert now() == waited, "a list waits once"
        await asyncio.sleep(1.5)
    await asyncio.sleep(30)
    assert ollama.news == 1
    assert await ollama.shows.known([A, B]) == [told(A), told(B)]
    assert sorted(ollama.asked) == ["a:latest", "b:latest"]


async def test_what_failed_is_asked_again_less_and_less_often():
    ollama = Ollama(a=-0.1)
    times: list[float] = []
    while len(times) < 9:
        count = len(ollama.asked)
        assert await ollama.shows.known([A, B]) == [A, told(B)]
        if len(ollama.asked) > count:
            times.append(now())
        await asyncio.sleep(0.5)
    waits = [round(later - one) for one, later in itertools.pairwise(times)]
    assert waits[0] == FIRST_WAIT
    assert waits == sorted(waits)
    assert LONGEST_WAIT <= waits[-1] <= LONGEST_WAIT + 1
    ollama.seconds = {}
    await asyncio.sleep(LONGEST_WAIT)
    assert await ollama.shows.known([A]) == [told(A)]


async def test_a_refusal_is_of_one_model():
    async def show(model: str) -> bytes:
        if model == A.id:
            raise UpstreamRefused("model 'a' not found", status=404)
        return SEES

    assert await Shows(show, lambda: None).known([A, B]) == [A, told(B)]


async def test_another_of_the_same_name_is_asked_for_anew():
    ollama = Ollama()
    await ollama.shows.known([A])
    await ollama.shows.known([replace(A, root="3")])
    assert ollama.asked == ["a:latest", "a:latest"]


async def test_what_is_gone_is_no_longer_asked_for():
    ollama = Ollama(a=30)
    await ollama.shows.known([A])
    await ollama.shows.known([])
    await asyncio.sleep(0)
    assert ollama.at_once == 0
    ollama.seconds = {}
    assert await ollama.shows.known([A]) == [told(A)]


async def test_few_are_asked_for_at_once():
    ollama = Ollama(**{f"m{number}": 0.01 for number in range(20)})
    rows = [ServedModel(f"m{number}:latest", root=str(number)) for number in range(20)]
    assert await ollama.shows.known(rows) == list(map(told, rows))
    assert ollama.most_at_once == AT_ONCE


async def test_the_end_ends_the_asking():
    ollama = Ollama(a=30)
    await ollama.shows.known([A])
    ollama.shows.end()
    await asyncio.sleep(0)
    assert ollama.at_once == 0
