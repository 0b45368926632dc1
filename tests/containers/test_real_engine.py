"""The real vLLM in the stack's container: read-only, without rights, user 10001, no way out; and
`make verify` over all of the stack with it, as the how-to shows it.

The image is the project's own on the stand-in for the official one; into it the test mounts the
vLLM that `make test` installed, so that its Python has to be Debian's, 3.11.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from verification import documents
from verification.table import PHASE2

from tests.containers import clients
from tests.containers.stack import Stack
from tests.support import engine, machine

URL = "http://127.0.0.1:11434"
PATIENCE = 2 * engine.UP_WITHIN
"""Seconds: three processes of it import PyTorch one after the other, from a cold cache."""
PAGE = machine.ROOT / "docs" / "howto" / "run-the-stack.md"
WRAPPER = """#!/usr/bin/python3
import sys
from vllm.entrypoints.cli.main import main
if __name__ == "__main__":  # its processes load this file, too
    sys.argv[0] = "vllm"
    sys.exit(main())
"""
FOUND_FIRST = "/usr/local/lib/python3.11/dist-packages"
"""Where Debian's Python looks before it looks where the stand-in is."""


def checks(table: str) -> list[tuple[str, str]]:
    """(verdict, name) of each line of verify's table; the last line, which counts them, is none."""
    return re.findall(r"^ *(yes|NO|-) +(\S.*?)(?: {2,}.*)?$", table, re.MULTILINE)


def shown() -> list[tuple[str, str]]:
    """Of the table on the page."""
    return checks(PAGE.read_text().partition("## What `make verify` prints")[2].partition("## ")[0])


def test_the_page_shows_every_check() -> None:
    names = [name for name, check, _ in PHASE2 if check.__module__ != documents.__name__]
    assert shown() == [("yes", name) for name in names]


@pytest.mark.vllm
def test_a_chat_through_the_whole_stack(stack: Callable[..., Stack], tmp_path: Path) -> None:
    machine.vllm()
    packages = machine.VENV / "vllm" / "lib" / "python3.11" / "site-packages"
    if not packages.exists():
        pytest.skip("the vLLM in .venv/vllm is not installed for Python 3.11, as Debian's is")
    wrapper = tmp_path / "vllm"
    wrapper.write_text(WRAPPER)
    wrapper.chmod(0o755)
    running = stack()
    model = running.folder / "tiny-chat"
    for file in engine.model_folder("tiny-chat").iterdir():  # its own are for their owner only
        _readable(file, model)
    mounts = ["models:/models", f"{model}:/weights:ro"]
    running.change("fetch-cpu", volumes=mounts)
    ours = [f"{packages}:{FOUND_FIRST}:ro", f"{wrapper}:/usr/local/bin/vllm:ro"]
    running.change("llm-cpu", volumes=[*mounts, "cache:/cache", *ours])
    for name in ("adapter", "llm-cpu", "vision"):  # each look costs what loading needs
        running.change(name, healthcheck={"interval": "5s"})
    running.write()
    running.tool("up", "cpu,vision,monitoring")
    running.until_healthy("adapter")
    running.until_healthy("llm-cpu", within=PATIENCE)
    running.until_healthy("vision", "prometheus", "grafana")
    running.until_ready()
    said = running.python(clients.STREAMED_CHAT, URL)
    assert said.startswith("tiny-chat:latest ")
    assert int(said.split()[1]) > 1
    code, table = running.verify()
    print(table)
    assert code == 0, table
    assert checks(table) == shown()


def _readable(file: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    shutil.copyfile(file, folder / file.name)
    (folder / file.name).chmod(0o644)
