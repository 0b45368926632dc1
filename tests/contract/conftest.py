import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import Adapter, serving
from tests.support.words import words

NAMES = {"model": "nat", "plain": "natplain", "PLAIN": "NATPLAIN", "embed": "bert"}
"""What the placeholders of statements.jsonl stand for; golden.jsonl was recorded with these."""


@dataclass
class House:
    """An adapter before a chat engine with two models and an embedding engine with one."""

    adapter: Adapter
    chat: ScriptedVLLM
    embed: ScriptedVLLM


def model_folder(folder: Path, **config: object) -> str:
    """A model's folder as far as it can be read without weights."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    llama = model_folder(tmp_path / "llama", model_type="llama", hidden_size=4096)
    bert = model_folder(tmp_path / "bert", model_type="bert", hidden_size=4)
    chat = ScriptedVLLM(words, models=("nat", "natplain"), max_model_len=8192, root=llama)
    embed = ScriptedVLLM(words, models=("bert",), task="embed", max_model_len=512, root=bert)
    await chat.up()
    await embed.up()
    async with serving(chat.url, embed.url) as adapter:
        await adapter.until_ready()
        yield House(adapter, chat, embed)
    await chat.down()
    await embed.down()
