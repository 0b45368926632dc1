from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from adapter.errors import (
    UpstreamAway,
    UpstreamBroken,
    UpstreamError,
    UpstreamRefused,
    UpstreamSilent,
)
from adapter.upstream import health as module
from adapter.upstream.health import Health
from adapter.wire.openai import ServedModel

SERVED = [ServedModel("m")]


class Engine:
    """What a probe finds: models, or the error in `fault`. Holds probes back while `busy`."""

    def __init__(self) -> None:
        self.fault: UpstreamError | None = None
        self.probes = 0
        self.asked = asyncio.Event()
        self.free = asyncio.Event()
        self.free.set()
        self.changes: list[bool] = []
        self.reports: list[Sequence[ServedModel]] = []
        self.health = Health("llm", self.probe, self.report, self.changed)

    async def probe(self) -> Sequence[ServedModel]:
        self.probes += 1
        self.asked.set()
        await self.free.wait()
        if self.fault is not None:
            raise self.fault
        return SERVED

    async def report(self, name: str, served: Sequence[ServedModel]) -> None:
        assert name == "llm"
        self.reports.append(served)

    def changed(self, name: str, up: bool, reason: str) -> None:
        assert name == "llm"
        assert up is (reason == "")
        self.changes.append(up)

    async def probed(self, times: int) -> None:
        async with asyncio.timeout(5):
            while self.probes < times:
                self.asked.clear()
                await self.asked.wait()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "UP_INTERVAL", 60.0)
    monkeypatch.setattr(module, "DOWN_INTERVAL", 0.001)
    monkeypatch.setattr(module, "PATIENCE", 0.02)


@pytest.fixture
async def engine():
    engine = Engine()
    yield engine
    engine.free.set()
    await engine.health.close()


async def test_before_the_first_probe_nothing_is_known(engine: Engine):
    assert engine.health.up is None
    assert engine.health.reason.message == "the engine llm has not answered yet"


async def test_an_engine_that_answers_is_up_and_what_it_serves_is_told(engine: Engine):
    await engine.health.check()
    assert (engine.health.up, engine.changes, engine.reports) == (True, [True], [SERVED])


@pytest.mark.parametrize("fault", [UpstreamAway("x"), UpstreamBroken("x"), UpstreamSilent("x")])
async def test_an_engine_that_never_answered_is_down(engine: Engine, fault: UpstreamError):
    engine.fault = fault
    await engine.health.check()
    assert (engine.health.up, engine.changes, engine.health.reason) == (False, [False], fault)


async def test_each_change_is_told_once(engine: Engine):
    for fault in (None, None, UpstreamAway("x"), UpstreamAway("y"), None):
        engine.fault = fault
        await engine.health.check()
    assert engine.changes == [True, False, True]


async def test_a_busy_engine_may_miss_a_probe(engine: Engine):
    await engine.health.check()
    engine.fault = UpstreamSilent("x")
    for up in (True, True, False):
        await engine.health.check()
        assert engine.health.up is up
    engine.fault = None
    await engine.health.check()
    engine.fault = UpstreamSilent("x")
    await engine.health.check()
    assert engine.health.up is True  # the count began anew


async def test_whoever_asks_meanwhile_shares_the_probe(engine: Engine):
    engine.free.clear()
    asking = asyncio.gather(*(engine.health.check() for _ in range(9)))
    await engine.probed(1)
    engine.free.set()
    await asking
    assert engine.probes == 1


async def test_one_who_gives_up_does_not_end_the_probe_of_the_others(engine: Engine):
    engine.free.clear()
    one = asyncio.ensure_future(engine.health.check())
    other = asyncio.ensure_future(engine.health.check())
    await engine.probed(1)
    one.cancel()
    engine.free.set()
    await other
    assert engine.health.up is True


async def test_an_engine_that_is_up_is_not_asked_again_for_a_request(engine: Engine):
    await engine.health.check()
    await engine.health.require()
    assert engine.probes == 1


async def test_a_request_finds_an_engine_that_has_just_come(engine: Engine):
    engine.fault = UpstreamAway("x")
    await engine.health.check()
    engine.fault = None
    await engine.health.require()
    assert engine.health.up is True


async def test_a_request_is_told_why_the_engine_is_down(engine: Engine):
    engine.fault = UpstreamBroken("it is ill")
    with pytest.raises(UpstreamAway) as away:
        await engine.health.require()
    assert (away.value.message, away.value.status) == ("it is ill", 503)
    assert away.value.retry_after is not None


async def test_a_request_waits_only_so_long_for_news(engine: Engine):
    engine.free.clear()
    with pytest.raises(UpstreamAway, match="has not answered yet"):
        await engine.health.require()
    engine.free.set()
    await engine.health.check()
    assert engine.probes == 1  # the one that was under way


async def test_fresh_news_is_not_asked_for_again(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    await engine.health.refresh()
    await engine.health.refresh()
    assert engine.probes == 1
    monkeypatch.setattr(module, "FRESH", 0.0)
    await engine.health.refresh()
    assert engine.probes == 2


async def test_old_news_is_waited_for_only_so_long(engine: Engine):
    engine.free.clear()
    await engine.health.refresh()
    assert engine.health.up is None


async def watch(engine: Engine) -> asyncio.Task[None]:
    return asyncio.ensure_future(engine.health.run())


async def stop(watching: asyncio.Task[None]) -> None:
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_an_engine_that_is_down_is_asked_again_soon(engine: Engine):
    engine.fault = UpstreamAway("x")
    watching = await watch(engine)
    await engine.probed(3)
    assert engine.health.up is False
    engine.fault = None
    seen = engine.probes
    await engine.probed(seen + 1)
    await engine.health.check()
    await stop(watching)
    assert engine.health.up is True


async def test_doubt_asks_at_once_and_suspicion_counts_as_down_until_then(engine: Engine):
    watching = await watch(engine)
    await engine.probed(1)
    await engine.health.check()
    seen = engine.probes
    engine.health.doubt()
    await engine.probed(seen + 1)
    assert engine.health.up is True
    engine.free.clear()
    engine.health.suspect(UpstreamAway("it hung up"))
    assert engine.health.up is False
    assert engine.health.why_down().message == "it hung up"
    await engine.probed(seen + 2)
    engine.free.set()
    await engine.health.check()
    await stop(watching)
    assert engine.changes == [True, False, True]


async def test_closing_ends_a_probe_under_way(engine: Engine):
    engine.free.clear()
    asking = asyncio.ensure_future(engine.health.check())
    await engine.probed(1)
    await engine.health.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await Engine().health.close()  # nothing under way


async def test_doubt_in_the_moment_of_the_end_does_not_outlive_it(engine: Engine):
    watching = await watch(engine)
    await engine.probed(1)
    for turns in range(6):
        await asyncio.sleep(0)
        engine.health.doubt()
        for _ in range(turns):
            await asyncio.sleep(0)
        watching.cancel()
        done, _ = await asyncio.wait([watching], timeout=5)
        assert done, f"{turns} turns after a doubt"
        watching = await watch(engine)
    await stop(watching)


async def test_a_report_that_fails_does_not_end_the_watch(engine: Engine):
    async def fails(name: str, served: Sequence[ServedModel]) -> None:
        raise ValueError("a card that can't be read")

    health = Health("llm", engine.probe, fails, engine.changed)
    watching = asyncio.ensure_future(health.run())
    await engine.probed(1)
    await asyncio.wait([watching], timeout=0.02)
    ended = watching.done()
    await stop(watching)
    await health.close()
    assert not ended


async def test_a_wrong_key_is_not_mended_by_coming_again(engine: Engine):
    engine.fault = UpstreamRefused("the engine refused the adapter's API key", status=502)
    with pytest.raises(UpstreamRefused) as refused:
        await engine.health.require()
    assert (refused.value.status, refused.value.retry_after) == (502, None)


async def test_after_a_change_it_is_looked_at_anew(engine: Engine, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 5.0)
    engine.free.clear()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(engine.health.check())
        await engine.probed(1)
        looking = group.create_task(engine.health.look_again())
        await asyncio.sleep(0.01)
        assert engine.probes == 1
        engine.free.set()
    assert running.done()
    assert looking.done()
    assert engine.probes == 2, "the first may have looked before the change"


async def test_a_look_does_not_keep_anybody(engine: Engine):
    engine.free.clear()
    async with asyncio.timeout(2):
        await engine.health.look_again()


async def test_news_that_are_on_their_way_are_waited_for(engine: Engine, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 5.0)
    await engine.health.refresh()
    await engine.health.refresh()
    assert engine.probes == 1
    engine.free.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(engine.health.check())
        await engine.probed(2)
        refreshed = group.create_task(engine.health.refresh())
        await asyncio.sleep(0.01)
        assert not refreshed.done()
        engine.free.set()
    assert engine.probes == 2
