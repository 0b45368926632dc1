import hashlib
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import machine
from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import Adapter, serving

NODE_FILES = Path(__file__).parent / "node"


@dataclass
class House:
    """An adapter before a chat engine (`tiny-chat`) and an embedding engine (`tiny-embed`)."""

    adapter: Adapter
    chat: ScriptedVLLM

    @property
    def url(self) -> str:
        return self.adapter.url


@pytest.fixture
async def house(scripted: ScriptedVLLM, scripted_embedder: ScriptedVLLM) -> AsyncIterator[House]:
    async with serving(scripted.url, scripted_embedder.url) as adapter:
        await adapter.until_ready()
        yield House(adapter, scripted)


@pytest.fixture(scope="session")
def session_script() -> tuple[str, Path]:
    """Node, and the script beside the packages that package-lock.json names."""
    node, npm = machine.node()
    lock = (NODE_FILES / "package-lock.json").read_bytes()
    folder = machine.VENV / "node" / hashlib.sha256(lock).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for file in NODE_FILES.glob("*.*"):
        shutil.copy(file, folder)
    if not (folder / "node_modules" / "ollama").exists():
        command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return node, folder / "session.mjs"
