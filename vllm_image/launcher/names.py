"""From a model's name on the hub to the name an Ollama client would use for it."""

from __future__ import annotations

import re
from pathlib import Path

DEMO = "demo:latest"

# Words that Ollama leaves out: its plain name is the one that was trained to chat.
LEFT_OUT = {"instruct", "it", "chat", "hf"}
MAKERS_IN_FRONT = {"meta"}
SIZE = re.compile(r"(?:e|\d+x)?\d+(?:\.\d+)?[bm]")
GENERATION = re.compile(r"\d+(?:\.\d+)?n?")
ILLEGAL = re.compile(r"[^a-z0-9._-]+")


def ollama_name(model: str) -> str:
    """`Qwen/Qwen2.5-0.5B-Instruct` -> `qwen2.5:0.5b`; without a size the tag is `latest`."""
    words = [word for word in _legal(model.rpartition("/")[2]).split("-") if word]
    words = [word for word in words if word not in LEFT_OUT] or words
    if words[0] in MAKERS_IN_FRONT and len(words) > 1:
        del words[0]
    if len(words) > 1 and GENERATION.fullmatch(words[1]) and not words[0][-1].isdigit():
        words[:2] = [words[0] + words[1]]  # gemma-3 -> gemma3
    size = next((i for i, word in enumerate(words) if i and SIZE.fullmatch(word)), len(words))
    return "-".join(words[:size]) + ":" + ("-".join(words[size:]) or "latest")


def folder_name(folder: Path) -> str:
    """A folder keeps its own name, in letters that Ollama allows."""
    return _legal(folder.resolve().name) + ":latest"


def _legal(text: str) -> str:
    return ILLEGAL.sub("-", text.lower()).strip("-._") or "model"
