"""An adapter before engines that do what they are asked for, under names that clients ask for."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from tests.support.actor import Troupe, actor
from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import Adapter, serving
from tests.support.words import words

FIM = {"prefix": "<|fim_prefix|>", "suffix": "<|fim_suffix|>", "middle": "<|fim_middle|>"}
CHAT = {"upstream": "engine0", "served_name": "tiny-chat"}
THINKER = {"upstream": "engine0", "served_name": "nat"}
EMBEDDER = "nomic-embed-text"
MODELS: dict[str, dict[str, Any]] = {
    "llama3.1": CHAT | {"capabilities": ["completion", "tools", "vision", "insert"], "fim": FIM},
    "deepseek-r1:1.5b": THINKER | {"capabilities": ["completion", "tools", "thinking"]},
    "gpt-oss:20b": THINKER | {"capabilities": ["completion", "tools", "thinking"]},
    EMBEDDER: {"upstream": "engine1", "served_name": "tiny-embed"},
}
"""Two of the names have a tag; two mean `:latest`."""
TINY: dict[str, dict[str, Any]] = {
    "tiny": CHAT | {"capabilities": ["completion", "tools", "thinking", "vision"], "fim": FIM},
    EMBEDDER: MODELS[EMBEDDER],
}
"""The names of tests/recordings/clients: one model that can do everything, one that embeds."""


@dataclass
class Theatre:
    adapter: Adapter
    chat: ScriptedVLLM
    embedder: ScriptedVLLM

    @property
    def url(self) -> str:
        return self.adapter.url


@contextlib.asynccontextmanager
async def theatre(models: dict[str, dict[str, Any]]) -> AsyncIterator[Theatre]:
    """The models `tiny-chat`, `nat` (which thinks) and `tiny-embed`, under these names."""
    chat = Troupe(actor, models=("tiny-chat", "nat"))
    embedder = ScriptedVLLM(
        words,
        models=("tiny-embed",),
        task="embed",
        max_model_len=256,
        root="models/tiny-bert-embed",
    )
    async with contextlib.AsyncExitStack() as stack:
        for engine in (chat, embedder):
            await engine.up()
            stack.push_async_callback(engine.down)
        adapter = await stack.enter_async_context(serving(chat.url, embedder.url, models=models))
        await adapter.until_ready()
        yield Theatre(adapter, chat, embedder)
