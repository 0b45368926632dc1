"""tools/verify.py where there is little to see; tests/containers runs it against whole stacks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from tests.compose.compose_file import FOLDER
from tests.support import machine
from tests.support.serve import Adapter

VERIFY = FOLDER / "tools" / "verify.py"


def verify(path: Path, *arguments: str, **environ: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(VERIFY), *arguments],
        env=machine.clean_environ(PATH=str(path), **environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_without_docker_and_address_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    code, said = verify(tmp_path)
    assert code == 78
    assert "no stack named ollama-vllm runs here" in said


async def test_an_adapter_without_docker(adapter: Adapter, tmp_path: Path) -> None:
    host = adapter.url.removeprefix("http://")
    arguments = (tmp_path, "--url", adapter.url)
    code, said = await asyncio.to_thread(verify, *arguments, OLLAMA_HOST=host)
    assert code == 0, said
    verdicts = [line.split()[0] for line in said.splitlines()[:-1]]
    assert verdicts == ["yes"] * 7 + ["-"]
    assert "-    the Docker daemon answers" in said
    assert said.endswith("7 yes, 0 no, 1 not seen\n")


async def test_clients_that_go_elsewhere_are_told(adapter: Adapter, tmp_path: Path) -> None:
    arguments = (tmp_path, "--url", adapter.url)
    code, said = await asyncio.to_thread(verify, *arguments, OLLAMA_HOST="127.0.0.1:1")
    assert code == 1
    assert "NO   clients here come to the adapter           OLLAMA_HOST is 127.0.0.1:1" in said


def test_nobody_there(tmp_path: Path) -> None:
    code, said = verify(tmp_path, "--url", f"http://127.0.0.1:{machine.free_port()}")
    assert code == 1
    assert "NO   the adapter is healthy" in said
    assert "Connection refused" in said
    assert "Traceback" not in said
