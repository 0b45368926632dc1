"""All settings, from the environment. OPEA's names where it has one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.errors import ConfigError

NAME_OF_INDEX = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
STORES = "sqlite:FILE, postgresql://user:password@host/database, redis://:password@host:port"
SearchType = Literal[
    "hybrid",
    "lexical",
    "similarity",
    "similarity_distance_threshold",
    "similarity_score_threshold",
    "mmr",
]


def _from(variable: str, default: Any, description: str, **limits: Any) -> Any:
    return Field(default, description=description, json_schema_extra={"env": variable}, **limits)


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = _from("RAG_HOST", "127.0.0.1", "address to listen on")
    published: str = _from(
        "RAG_PUBLISHED", "", "address under which others reach it, if it is not RAG_HOST"
    )
    origins: str = _from(
        "RAG_ORIGINS",
        "",
        "origins of web pages that may ask, with commas between; this machine's may; *: any, as "
        "OPEA has it",
    )
    chatqna_port: int = _from("CHATQNA_PORT", 8888, "port of chatqna", ge=0, le=65535)
    dataprep_port: int = _from("DATAPREP_PORT", 6007, "port of dataprep", ge=0, le=65535)
    embedding_port: int = _from("EMBEDDING_PORT", 6000, "port of embedding", ge=0, le=65535)
    tei_port: int = _from("TEI_EMBEDDING_PORT", 6006, "embedding's second port", ge=0, le=65535)
    retriever_port: int = _from("RETRIEVER_PORT", 7000, "port of retriever", ge=0, le=65535)
    reranker_port: int = _from("RERANKER_PORT", 8808, "port of reranker", ge=0, le=65535)
    llm_port: int = _from("LLM_PORT", 9000, "port of llm", ge=0, le=65535)

    adapter_url: str = _from(
        "ADAPTER_URL", "http://127.0.0.1:11434", "the adapter: every model is asked there"
    )
    llm_url: str = _from("LLM_URL", "", "asked instead of the adapter for answers")
    embedding_url: str = _from("EMBEDDING_URL", "", "asked instead of the adapter for vectors")
    reranker_url: str = _from("RERANKER_URL", "", "asked instead of the adapter for ranks")
    retriever_url: str = _from(
        "RETRIEVER_URL", "", "the retriever, if it is another process; default: the store"
    )
    dataprep_url: str = _from(
        "DATAPREP_URL", "", "dataprep, if it is another process than the page's"
    )
    api_key: str = _from("ADAPTER_API_KEY", "", "sent to all of these, if there is one")

    llm_model: str = _from(
        "LLM_MODEL_ID", "", "answers; default: the adapter's first model that can"
    )
    embedding_model: str = _from(
        "EMBEDDING_MODEL_ID", "", "makes vectors; default: the adapter's first model that can"
    )
    rerank_model: str = _from("RERANK_MODEL_ID", "", "ranks passages; default: nothing does")
    model_name: str = _from("CHATQNA_MODEL", "chatqna", "what the pipeline is called as a model")
    embedding_kind: Literal["openai", "tei", "wordllama"] = _from(
        "EMBEDDING_KIND", "openai", "how vectors are asked for; wordllama: made in this process"
    )
    rerank_kind: Literal["openai", "tei"] = _from(
        "RERANK_KIND", "openai", "how ranks are asked for"
    )
    query_prefix: str = _from(
        "EMBEDDING_QUERY_PREFIX", "", "put before a question, as the model was trained"
    )
    passage_prefix: str = _from(
        "EMBEDDING_PASSAGE_PREFIX", "", "put before a passage, as the model was trained"
    )
    embedding_batch: int = _from("EMBEDDING_BATCH", 32, "passages in one request", ge=1)
    embedding_parallel: int = _from("EMBEDDING_PARALLEL", 4, "requests at a time", ge=1)

    store: str = _from("STORE_URL", "sqlite:rag.sqlite", f"where documents are kept: {STORES}")
    index: str = _from("INDEX_NAME", "rag", "the index meant when none is named")
    file_limit: int = _from("RAG_FILE_LIMIT", 100 * 2**20, "largest file in bytes", ge=1)
    read_seconds: float = _from(
        "RAG_READ_SECONDS", 120.0, "patience with one file's reader; then the file fails", gt=0
    )
    chunk_tokens: int = _from(
        "RAG_CHUNK_TOKENS", 384, "most tokens of a passage, about", ge=20, le=32_000
    )
    overlap_tokens: int = _from(
        "RAG_OVERLAP_TOKENS", 32, "of a paragraph that is cut, repeated in the next passage", ge=0
    )
    link_seconds: float = _from("RAG_LINK_SECONDS", 60.0, "to fetch a link", gt=0)
    allow_private_links: bool = _from(
        "RAG_ALLOW_PRIVATE_LINKS", False, "let links lead to addresses of this network"
    )
    strict_names: bool = _from(
        "DATAPREP_STRICT", False, "refuse a file whose name is there, as OPEA does"
    )

    search_type: SearchType = _from("RAG_SEARCH_TYPE", "hybrid", "how passages are looked for")
    dense_weight: float = _from(
        "RAG_DENSE_WEIGHT", 0.3, "share of the vectors in a hybrid score", ge=0, le=1
    )
    candidates: int = _from(
        "RAG_CANDIDATES",
        40,
        "passages that each search brings; a reranker ranks all of them",
        ge=1,
        le=1000,
    )
    passages: int = _from("RAG_PASSAGES", 6, "passages that the model is shown", ge=1, le=100)
    rerank_seconds: float = _from(
        "RAG_RERANK_SECONDS", 2.0, "patience with the reranker; then it goes on without", gt=0
    )
    context_tokens: int = _from(
        "RAG_CONTEXT_TOKENS", 0, "most tokens of a prompt; 0: as the model's window allows", ge=0
    )
    condense: bool = _from(
        "RAG_CONDENSE", False, "have the model rewrite a follow-up into a whole question"
    )
    show_sources: bool = _from("RAG_SHOW_SOURCES", True, "end an answer with a list of sources")
    nothing_found: str = _from(
        "RAG_NOTHING_FOUND",
        "I found nothing about this in the documents.",
        "the answer when nothing is found",
    )
    connect_seconds: float = _from("RAG_CONNECT_SECONDS", 3.0, "to reach an engine", gt=0)
    first_byte_seconds: float = _from(
        "RAG_FIRST_BYTE_SECONDS", 600.0, "until an engine's first event", gt=0
    )
    idle_seconds: float = _from("RAG_IDLE_SECONDS", 60.0, "between two events", gt=0)

    traces_url: str = _from(
        "OTEL_EXPORTER_OTLP_ENDPOINT", "", "a collector of traces (OTLP over HTTP); default: none"
    )
    traces_name: str = _from(
        "OTEL_SERVICE_NAME", "ollama-vllm-services", "what these services are called in traces"
    )

    def asked_at(self, what: str) -> str:
        """The address of `llm`, `embedding` or `reranker`."""
        return str(getattr(self, f"{what}_url") or self.adapter_url).rstrip("/")


def environment() -> dict[str, str]:
    """The environment of this process."""
    return dict(os.environ)  # noqa: TID251  # the one place that reads it


def variables() -> dict[str, str]:
    """Field → environment variable."""
    found = {}
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict)
        found[name] = str(extra["env"])
    return found


def load_settings(
    flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """The settings in force. A flag beats the environment; an empty variable is none.

    Raises:
        ConfigError: one line that names the variable.
    """
    environ = environment() if environ is None else environ
    names = variables()
    given: dict[str, Any] = {
        field: environ[variable] for field, variable in names.items() if environ.get(variable)
    }
    given |= {key: value for key, value in (flags or {}).items() if value is not None}
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = str(first["loc"][0])
        raise ConfigError(f"{names.get(field, field)}: {first['msg']}") from None
    refuse_loop(settings)
    return settings


def refuse_loop(settings: Settings) -> None:
    """The pipeline must not be its own model.

    Raises:
        ConfigError: LLM_MODEL_ID is a name of the pipeline.
    """
    name = settings.llm_model.rpartition("/")[2].partition(":")[0].lower()
    if name and (name.startswith("chatqna") or name == settings.model_name.lower()):
        raise ConfigError(f"LLM_MODEL_ID: {settings.llm_model} is this pipeline itself")
