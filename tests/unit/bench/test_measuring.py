from __future__ import annotations

import argparse
import asyncio
import os
import signal
from pathlib import Path

import orjson
import pytest

from adapter.bench import command, measuring
from tests.support.scripted_vllm import ScriptedVLLM, Stage
from tests.support.serve import Adapter


def options(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args([*given, "--requests", "1"])


async def test_a_run_beside_the_engine_alone(
    adapter: Adapter, scripted: ScriptedVLLM, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    file = tmp_path / "bench.json"
    given = [adapter.url, "--direct", scripted.url + "/v1", "--streams", "1", "3"]
    assert await measuring.measured(options(*given, "--json", str(file))) == 0
    page = capsys.readouterr().out
    assert (page.count("| server |"), page.count("| direct |")) == (3, 2)  # a column's name, too
    rows = orjson.loads(file.read_bytes())["figures"]
    assert [row["answers"] for row in rows] == [2, 2, 6, 6]
    assert all(row["ratio_to_direct"] > 0 for row in rows)


async def test_a_file_that_can_not_be_written(adapter: Adapter, tmp_path: Path):
    given = [adapter.url, "--streams", "1", "--json", str(tmp_path / "no" / "file")]
    with pytest.raises(measuring.Unusable, match="can't write"):
        await measuring.measured(options(*given))


async def test_an_interrupt_ends_it_with_what_there_is(
    adapter: Adapter, scripted: ScriptedVLLM, capsys: pytest.CaptureFixture[str]
):
    async def hang(stage: Stage) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(30)

    words, asked = scripted.play, 0

    async def then_hang(stage: Stage) -> None:
        nonlocal asked
        asked += 1
        await (hang(stage) if asked > 4 else words(stage))

    scripted.play = then_hang
    assert await measuring.measured(options(adapter.url, "--streams", "1", "2")) == 130
    assert "**Interrupted**" in capsys.readouterr().out
