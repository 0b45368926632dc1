"""The part of vLLM's OpenAI API that is used. Its streams are read in `translate.reading`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

# Below the engine's versioned root, which is /v1 unless its address says otherwise.
CHAT_PATH = "chat/completions"
COMPLETIONS_PATH = "completions"
EMBEDDINGS_PATH = "embeddings"
MODELS_PATH = "models"
# Beside that root.
TOKENIZE_PATH = "../tokenize"
DETOKENIZE_PATH = "../detokenize"


class StreamOptions(TypedDict, total=False):
    include_usage: bool
    continuous_usage_stats: bool


class GenerationBody(TypedDict, total=False):
    """A request for text, always streamed. The sampling fields come from `translate.options`."""

    model: str
    messages: list[dict[str, Any]]
    prompt: str | list[int]
    suffix: str
    tools: list[dict[str, Any]]
    tool_choice: Any
    response_format: dict[str, Any]
    chat_template_kwargs: dict[str, Any]
    reasoning_effort: str
    add_generation_prompt: bool
    continue_final_message: bool
    logprobs: bool | int
    top_logprobs: int
    return_token_ids: bool
    stream: bool
    stream_options: StreamOptions
    stream_interval: int
    max_tokens: int
    temperature: float
    top_p: float
    top_k: int
    min_p: float
    repetition_penalty: float
    presence_penalty: float
    frequency_penalty: float
    seed: int
    stop: list[str]


class EmbeddingsBody(TypedDict, total=False):
    model: str
    input: list[str]
    encoding_format: str
    truncate_prompt_tokens: int
    use_activation: bool


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A row of an engine's /v1/models, and which of the tasks' routes that engine has.

    `root` is what the engine loaded (a path or hub id), `parent` the base model of a LoRA;
    `context_length` in tokens, None where it is not told. `told` is the row as a real Ollama lists
    it, whose `root` is the digest.
    """

    id: str
    root: str = ""
    parent: str = ""
    context_length: int | None = None
    capabilities: frozenset[str] = frozenset({"completion"})
    told: Mapping[str, Any] | None = None
