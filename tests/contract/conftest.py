import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import Adapter, serving
from tests.support.words import words

NAMES = {
    "model": "nat",
    "plain": "natplain",
    "PLAIN": "NATPLAIN",
    "embed": "bert",
    "insert": "gotmpl",
}
"""What the placeholders of statements.jsonl stand for; golden.jsonl was recorded with these."""

FIM = {"prefix": "<PRE> ", "suffix": " <SUF>", "middle": " <MID>"}
MODELS = {
    "nat": {"upstream": "engine0", "capabilities": ["completion", "tools", "thinking"]},
    "natplain": {"upstream": "engine0", "capabilities": ["completion"]},
    "gotmpl": {"upstream": "engine0", "capabilities": ["completion", "insert"], "fim": FIM},
}


@dataclass
class House:
    """An adapter before a chat engine with three models and an embedding engine with one."""

    adapter: Adapter
    chat: ScriptedVLLM
    embed: ScriptedVLLM


def model_folder(folder: Path, **config: object) -> str:
    """A model's folder as far as it can be read without weights."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


@contextlib.asynccontextmanager
async def open_house(folder: Path) -> AsyncIterator[House]:
    """`folder` is an empty one."""
    llama = model_folder(folder / "llama", model_type="llama", hidden_size=4096)
    bert = model_folder(folder / "bert", model_type="bert", hidden_size=4)
    chat = ScriptedVLLM(words, models=tuple(MODELS), max_model_len=8192, root=llama)
    embed = ScriptedVLLM(words, models=("bert",), task="embed", max_model_len=512, root=bert)
    await chat.up()
    await embed.up()
    async with serving(chat.url, embed.url, models=MODELS) as adapter:
        await adapter.until_ready()
        yield House(adapter, chat, embed)
    await chat.down()
    await embed.down()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as opened:
        yield opened
