"""How the engine's container ends when it can't go on, with the real launcher and a real kernel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.containers.daemon import Daemon
from tests.containers.stack import Stack

MEMORY = ("--memory=4g", "--memory-swap=4g")


@pytest.fixture(scope="module")
def alone(daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """For containers that are run by themselves."""
    return Stack(daemon, tmp_path_factory.mktemp("alone"))


def test_out_of_memory_is_137(alone: Stack) -> None:
    code, _ = alone.engine(flags=MEMORY, STAND_IN="oom")
    assert code == 137


def test_an_illegal_instruction_is_132(alone: Stack) -> None:
    code, _ = alone.engine(STAND_IN="sigill")
    assert code == 132


def test_a_flag_that_this_vllm_lacks_is_78(alone: Stack) -> None:
    code, said = alone.engine(VLLM_EXTRA_ARGS="--cpu-memory-utilization 0.5")
    assert code == 78
    assert "has no option --cpu-memory-utilization" in said


def test_a_folder_that_is_not_mounted_is_78(alone: Stack) -> None:
    code, said = alone.engine("fetch", MODEL="/nowhere")
    assert code == 78
    assert "/nowhere" in said


def test_a_volume_of_roots_is_78_with_the_line_that_mends_it(alone: Stack, tmp_path: Path) -> None:
    volume = tmp_path / "models"
    volume.mkdir()
    code, said = alone.engine("fetch", flags=(f"--volume={volume}:/models",), MODEL="org/name")
    assert code == 78
    assert "chown -R 10001:0 /models" in said


def test_verify_tells_how_it_ended(stack: Callable[..., Stack]) -> None:
    running = stack()
    running.change("llm-cpu", environment={"STAND_IN": "sigill"}, restart="no")
    running.write()
    running.tool("up", "cpu")
    running.until(lambda: running.state("llm-cpu").get("Status") == "exited", "the engine ended")
    code, table = running.verify()
    assert code == 1
    assert "llm-cpu ended with 132 (SIGILL: the CPU lacks an instruction" in table
