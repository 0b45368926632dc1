"""Hub names against the names that Ollama's own library uses, where it has the model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from launcher.names import DEMO, folder_name, ollama_name

CASES = {
    "Qwen/Qwen2.5-0.5B-Instruct": "qwen2.5:0.5b",
    "Qwen/Qwen2.5-Coder-7B-Instruct": "qwen2.5-coder:7b",
    "Qwen/Qwen2.5-7B-Instruct-AWQ": "qwen2.5:7b-awq",
    "Qwen/Qwen3-0.6B": "qwen3:0.6b",
    "Qwen/Qwen3-30B-A3B-Instruct-2507": "qwen3:30b-a3b-2507",
    "Qwen/Qwen3-Embedding-0.6B": "qwen3-embedding:0.6b",
    "meta-llama/Llama-3.2-3B-Instruct": "llama3.2:3b",
    "meta-llama/Meta-Llama-3-8B-Instruct": "llama3:8b",
    "meta-llama/Llama-2-7b-chat-hf": "llama2:7b",
    "mistralai/Mistral-7B-Instruct-v0.3": "mistral:7b-v0.3",
    "mistralai/Mixtral-8x7B-Instruct-v0.1": "mixtral:8x7b-v0.1",
    "google/gemma-3-1b-it": "gemma3:1b",
    "google/gemma-3n-E2B-it": "gemma3n:e2b",
    "microsoft/Phi-3.5-mini-instruct": "phi3.5-mini:latest",
    "microsoft/phi-4": "phi4:latest",
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": "tinyllama:1.1b-v1.0",
    "HuggingFaceTB/SmolLM2-135M-Instruct": "smollm2:135m",
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B": "deepseek-r1-distill-qwen:1.5b",
    "openai/gpt-oss-20b": "gpt-oss:20b",
    "BAAI/bge-m3": "bge-m3:latest",
    "gpt2": "gpt2:latest",
    "someone/7B": "7b:latest",
    "someone/Instruct": "instruct:latest",
    "someone/...": "model:latest",
}
LEGAL = re.compile(r"[a-z0-9_][a-z0-9._-]*:[a-z0-9_][a-z0-9._-]*")


@pytest.mark.parametrize(("model", "name"), CASES.items())
def test_a_hub_name_becomes_ollamas_name(model: str, name: str) -> None:
    assert ollama_name(model) == name


@pytest.mark.parametrize("name", [*CASES.values(), DEMO])
def test_every_name_is_one_that_ollama_allows(name: str) -> None:
    assert LEGAL.fullmatch(name)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("tiny-chat", "tiny-chat:latest"),
        ("My Model (v2)", "my-model-v2:latest"),
        ("-x-", "x:latest"),
        ("é", "model:latest"),
    ],
)
def test_a_folder_keeps_its_name_in_legal_letters(tmp_path: Path, folder: str, name: str) -> None:
    assert folder_name(tmp_path / folder) == name
