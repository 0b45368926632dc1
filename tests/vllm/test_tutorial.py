"""The tutorial's own commands, in a fresh copy of the checkout, before the real engine.

Only that is not installed anew: it is found on PATH, as somebody's own would be.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from launcher import leash
from launcher.names import DEMO

from tests.support import machine

PAGE = (machine.ROOT / "docs" / "tutorial" / "ask-your-documents.md").read_text()
# The newcomer's own commands are the first two; those below them have names of theirs in them.
SERVE, ASK = re.findall(r"(?m)^    (make (?:serve|ask) .*)$", PAGE)[:2]
FOLDER = SERVE.partition("DOCS=")[2]
NOT_COPIED = (".venv", ".git", "node_modules", "__pycache__", ".*_cache", ".hypothesis")
GONE_WITHIN = 15.0


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """No model hub, and ports that nobody has."""
    vllm = tmp_path / "path" / "vllm"
    vllm.parent.mkdir()
    script = Path(machine.vllm()[-1]).read_text().partition("\n")[2]
    vllm.write_text(f"#!{machine.vllm_python()}\n{script}")
    vllm.chmod(0o755)
    proxies = {k: v for k, v in machine.ENVIRON.items() if k.lower().endswith("_proxy")}
    return proxies | machine.clean_environ(
        PATH=f"{vllm.parent}:{machine.ENVIRON['PATH']}",
        PYTHON=sys.executable,
        HF_HOME=str(tmp_path / "hub"),
        HF_HUB_OFFLINE="1",
        NO_PROXY="127.0.0.1",
        OLLAMA_HOST=f"127.0.0.1:{machine.free_port()}",
        CHATQNA_PORT=str(machine.free_port()),
        DATAPREP_PORT=str(machine.free_port()),
    )


@contextlib.contextmanager
def serving(checkout: Path, environ: dict[str, str]) -> Iterator[tuple[Popen[str], Path]]:
    """In a terminal of its own, so to speak; with what it says while it is at work."""
    said = checkout.parent / "said"
    with said.open("w") as log:
        terminal = Popen(
            ["sh", "-c", SERVE],
            cwd=checkout,
            env=environ,
            stdout=PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    with terminal:
        try:
            yield terminal, said
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(terminal.pid, signal.SIGTERM)


def pieces(command: str, checkout: Path, environ: dict[str, str]) -> list[bytes]:
    """What it prints, as it comes."""
    found = []
    with Popen(["sh", "-c", command], cwd=checkout, env=environ, stdout=PIPE) as asking:
        assert asking.stdout
        while piece := os.read(asking.stdout.fileno(), 1 << 16):
            found.append(piece)
    assert asking.returncode == 0
    return found


def gone(processes: set[int]) -> bool:
    deadline = time.monotonic() + GONE_WITHIN
    while left := processes & set(leash.parents()):
        if time.monotonic() > deadline:
            print("left:", left)
            return False
        time.sleep(0.1)
    return True


@pytest.mark.timeout(900)  # two environments are made, and an engine is started
def test_from_a_fresh_copy_to_an_answer_with_its_sources(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(machine.ROOT, checkout, ignore=shutil.ignore_patterns(*NOT_COPIED))
    with serving(checkout, environ) as (terminal, said):
        assert terminal.stdout
        ready = [terminal.stdout.readline().rstrip() for _ in range(3)]
        host, page = environ["OLLAMA_HOST"], environ["CHATQNA_PORT"]
        assert ready == [
            f"ready: http://{host} model chatqna:latest, which answers from {FOLDER} by {DEMO}",
            f'OLLAMA_HOST={host} make ask Q="..."',
            f"or on the page: http://127.0.0.1:{page}",
        ], said.read_text()
        assert re.search(r"(?m)^documents: \d+ added$", said.read_text())
        assert "left out: " in said.read_text()

        answer = pieces(ASK, checkout, environ)
        assert len(answer) > 3
        text = b"".join(answer).decode()
        listed = text.rpartition("\n\n")[2]
        assert re.match(r"(Sources|Consulted, not cited):\n\[\d\] ", listed), text
        first = re.search(r"(?m)^    \[1\] (.*)$", PAGE)
        assert first
        assert first[1] in listed, text

        processes = leash.descendants(terminal.pid, leash.parents())
        assert len(processes) > 6
        os.killpg(terminal.pid, signal.SIGINT)
        terminal.wait(GONE_WITHIN)
        assert gone(processes)
    assert "stopped, nothing is left running" in said.read_text()
