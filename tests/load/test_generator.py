"""The generator against the mock engine, in small: that they understand each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.load import script
from tests.load.generator import Acks, Findings, Job, Load, delays
from tests.load.mock_vllm import Acknowledgements, Connection, Engine
from tests.load.script import BURST, CUT, LOCK


@dataclass
class Mock:
    engine: Engine
    job: Job

    async def found(self, **changed: object) -> Findings:
        job = replace(self.job, **changed)
        transport, _ = await asyncio.get_running_loop().create_unix_connection(
            asyncio.Protocol, job.acks
        )
        try:
            return await Load(job, Acks(transport)).run()
        finally:
            transport.close()


@pytest.fixture
async def mock(tmp_path: Path) -> AsyncIterator[Mock]:
    loop, engine, acks = asyncio.get_running_loop(), Engine(), str(tmp_path / "acks")
    async with (
        await loop.create_unix_server(lambda: Acknowledgements(engine), acks),
        await loop.create_server(lambda: Connection(engine, b"{}"), "127.0.0.1", 0) as server,
    ):
        port = server.sockets[0].getsockname()[1]
        yield Mock(engine, Job(port, "openai", 40, LOCK, True, 3, 5.0, acks, 2, patience=5.0))
        await asyncio.sleep(0.05)  # until both ends have seen that the connections are closed


@pytest.mark.parametrize("pace", [LOCK, BURST, CUT, "1"])
async def test_every_answer_at_any_pace(mock: Mock, pace: str):
    found = await mock.found(pace=pace)
    assert (found.answers, found.tokens, found.failed) == (6, 240, {})
    assert found.first_token_p50 is not None
    assert mock.engine.counts.tokens == 240
    assert mock.engine.counts.connections == 3  # kept alive


async def test_answers_that_are_not_streamed(mock: Mock):
    found = await mock.found(stream=False, pace=BURST)
    assert (found.answers, found.failed) == (6, {})


async def test_a_wrong_text_is_counted(mock: Mock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(script, "digest", lambda tokens: "another")
    found = await mock.found()
    assert (found.answers, found.tokens, found.failed) == (0, 0, {"wrong text": 6})


async def test_without_acknowledgements_lockstep_stands_still(mock: Mock):
    found = await Load(replace(mock.job, seconds=0.05, patience=0.05), Acks(None)).run()
    assert found.failed == {"no end": 3}
    assert mock.engine.counts.tokens == 3


async def test_a_large_prompt(mock: Mock):
    found = await mock.found(padding=2**17, pace=BURST)
    assert (found.answers, found.failed) == (6, {})


async def test_clients_that_read_nothing_for_a_while(mock: Mock):
    found = await mock.found(stall=0.2, pace=BURST, rounds=1)
    assert (found.answers, found.failed) == (3, {})


async def test_clients_that_leave(mock: Mock):
    found = await mock.found(pace="50", rounds=1, engine=mock.job.port, leaves=True)
    assert (found.answers, found.failed) == (3, {})
    assert found.left is not None
    assert mock.engine.counts.aborted == 3
    assert mock.engine.counts.active == 0


async def test_a_timed_pace(mock: Mock):
    found = await mock.found(pace="t2", tokens=20, rounds=1, engine=mock.job.port, after=100)
    assert (found.answers, found.failed) == (3, {})
    assert found.delays is not None
    assert 0 < found.delays[0] <= found.delays[1] <= found.delays[2] < 1000
    assert mock.engine.times == {}  # taken


def test_delays_are_told_token_by_token():
    sent = {"7": [1.0, 2.0, 3.0], "8": [1.5]}
    arrivals = {7: [1.001, 2.004, 3.002], 9: [5.0]}
    assert delays(sent, arrivals) == pytest.approx((2.0, 4.0, 4.0))
    assert delays({}, arrivals) is None


async def test_pictures(mock: Mock):
    found = await mock.found(images=3, pace=BURST, rounds=1)
    assert (found.answers, found.failed) == (3, {})


async def test_nobody_there(mock: Mock, unused_tcp_port: int):
    found = await mock.found(port=unused_tcp_port, seconds=0.1)
    assert found.answers == 0
    assert found.failed.keys() == {"no connection"}
