"""The request that chatqna takes: OPEA's and OpenAI's in one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.grounding.chunks import QUOTE
from services.settings import SearchType

MOST = 1000
"""Passages that a request can have looked for."""


class Retrieval(BaseModel):
    """What is said of the passages; None: as the settings have it."""

    model_config = ConfigDict(extra="ignore")

    k: int | None = Field(None, ge=1, le=MOST)
    fetch_k: int | None = Field(None, ge=1, le=10_000)
    top_n: int | None = Field(None, ge=1, le=100)
    search_type: SearchType | None = None
    score_threshold: float | None = None
    distance_threshold: float | None = None
    lambda_mult: float | None = Field(None, ge=0, le=1)
    dense_weight: float | None = Field(None, ge=0, le=1)
    index_name: str | None = None
    filters: dict[str, list[str]] | None = None

    @field_validator("filters", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        """One value is a list of one."""
        if not isinstance(value, Mapping):
            return value
        return {k: [v] if isinstance(v, str) else v for k, v in value.items()}


class Answering(BaseModel):
    """What is said of the answer."""

    model_config = ConfigDict(extra="ignore")

    messages: list[dict[str, Any]]
    stream: bool = False
    model: str = ""
    chat_template: str = ""
    condense: bool | None = None
    show_sources: bool | None = None
    stream_format: Literal["opea", "openai"] | None = None
    quote_characters: int = Field(QUOTE, ge=0, le=100_000)
    """Of each passage that is told with the answer."""
    sources_trailer: bool = False
    """A line `json: {"reranked_docs": […]}` at the end of a stream, as Enterprise-RAG has it."""

    @field_validator("messages", mode="before")
    @classmethod
    def _conversation(cls, value: Any) -> Any:
        """A bare string is the user's question."""
        return [{"role": "user", "content": value}] if isinstance(value, str) else value


ENTERPRISE = ("max_new_tokens", "streaming", "data")
"""Keys that only Enterprise-RAG's requests have."""
OWN = (
    frozenset(Retrieval.model_fields)
    | frozenset(Answering.model_fields)
    | {"stream_options", "language", "key_index_name", "tools", "tool_choice", "n"}
    | set(ENTERPRISE)
)
"""What isn't handed on to the model; all else is."""

OPEA_DEFAULTS: Mapping[str, Any] = {
    "max_tokens": 1024,
    "top_k": 10,
    "top_p": 0.95,
    "temperature": 0.01,
    "repetition_penalty": 1.03,
}
"""Of /v1/chatqna. Elsewhere the model's own rule."""


def sampling(body: Mapping[str, Any]) -> dict[str, Any]:
    """All that is meant for the model."""
    return {key: value for key, value in body.items() if key not in OWN and value is not None}


def answer_limit(body: Mapping[str, Any]) -> int | None:
    """Tokens that the client lets the answer have."""
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    return limit if isinstance(limit, int) and limit > 0 else None


def wants_json(body: Mapping[str, Any]) -> bool:
    """Whether a list at the end would spoil the answer."""
    form = body.get("response_format")
    return isinstance(form, Mapping) and form.get("type") not in (None, "text")
