from __future__ import annotations

import asyncio
import itertools

from adapter.observe import logs
from adapter.observe.facts import Facts
from adapter.observe.ledger import Ledger
from adapter.observe.metrics import Metrics


def facts(number: int) -> Facts:
    return Facts(f"id{number}", "POST", "/api/chat", 0, outcome="ok", status=200, total=10**6)


def counted(metrics: Metrics) -> float | None:
    labels = {"route": "/api/chat", "model": "", "upstream": "", "outcome": "ok"}
    return metrics.registry.get_sample_value("adapter_requests_total", labels)


async def test_requests_are_counted_a_moment_later_and_once(caplog):
    caplog.set_level("INFO", logs.access.name)
    metrics = Metrics()
    ledger = Ledger(metrics)
    for number in range(3):
        ledger.finished(facts(number))
    assert (counted(metrics), caplog.messages) == (None, [])
    async with asyncio.timeout(5):
        while counted(metrics) is None:  # noqa: ASYNC110  # what is waited for is a count
            await asyncio.sleep(0.01)
    assert counted(metrics) == 3
    assert [line.rpartition("=")[2] for line in caplog.messages] == ["id0", "id1", "id2"]
    ledger.finished(facts(3))
    ledger.flush()
    ledger.flush()
    assert (counted(metrics), len(caplog.messages)) == (4, 4)
    await asyncio.sleep(0.1)  # the timer of the fourth finds nothing left
    assert (counted(metrics), len(caplog.messages)) == (4, 4)


async def test_many_are_recorded_in_turns_with_others():
    """And faster the more there are, or they would pile up."""
    metrics = Metrics()
    ledger = Ledger(metrics)
    for number in range(1000):
        ledger.finished(facts(number))
    steps = []
    async with asyncio.timeout(5):
        while (now := counted(metrics) or 0) < 1000:
            if not steps or now != steps[-1]:
                steps.append(now)
            await asyncio.sleep(0)
    one_turn = [later - before for before, later in itertools.pairwise([*steps, 1000])]
    assert 10 < len(one_turn) < 100
    assert one_turn == sorted(one_turn, reverse=True)
    assert max(one_turn) < 200


async def test_a_log_that_can_not_be_written_stops_no_counting(monkeypatch):
    told: list[int] = []

    def log(finished):
        told.append(len(finished))
        if len(told) == 1:
            raise OSError("no space left on device")

    monkeypatch.setattr(logs, "log_requests", log)
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    metrics = Metrics()
    ledger = Ledger(metrics)
    for number in range(100):
        ledger.finished(facts(number))
    async with asyncio.timeout(5):
        while counted(metrics) != 100:  # noqa: ASYNC110  # what is waited for is a count
            await asyncio.sleep(0.01)
    assert sum(told) == 100


async def test_a_request_is_told_with_the_time_of_its_end():
    one = facts(1)
    Ledger(Metrics()).finished(one)
    assert one.ended_at > 1_700_000_000
