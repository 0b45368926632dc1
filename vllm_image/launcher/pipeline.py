"""The services that answer from documents, beside adapter and engine: what they are started with.

Pure, but for the folder of each DOCS.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from launcher.ports import Address
from launcher.settings import Docs, Settings

USUAL = {
    # Made in the services' own process: no second engine, no download.
    "EMBEDDING_KIND": "wordllama",
    # Of the other roles nobody here asks, so that nobody's port is in their way.
    "EMBEDDING_PORT": "0",
    "TEI_EMBEDDING_PORT": "0",
    "RETRIEVER_PORT": "0",
    "RERANKER_PORT": "0",
    "LLM_PORT": "0",
}
LIMIT_OF_THE_DEMO = 128
"""Tokens of an answer: random weights know no end."""
KEY = "VLLM_API_KEY"


def place(venv: Path, folder: Path) -> Path:
    """Each folder has a store of its own, so that answers come from no other."""
    digest = hashlib.sha256(str(folder.resolve()).encode(errors="replace")).hexdigest()
    return venv / "documents" / digest[:12]


def environment(settings: Settings, docs: Docs, env: Mapping[str, str]) -> dict[str, str]:
    """The user's own settings win, but for where we have to find each other."""
    usual = {**USUAL, "STORE_URL": f"sqlite:{place(settings.venv, docs.folder) / 'rag.sqlite'}"}
    own = [str(settings.root / "compose"), env.get("PYTHONPATH", "")]
    return {
        **env,
        **{name: value for name, value in usual.items() if not env.get(name)},
        "RAG_HOST": docs.chatqna.host,
        "CHATQNA_PORT": str(docs.chatqna.port),
        "DATAPREP_PORT": str(docs.dataprep.port),
        "ADAPTER_URL": settings.address.url,
        "PYTHONPATH": os.pathsep.join(filter(None, own)),
    }


def adapter_toml(upstream: str, chatqna: Address, *, key: bool, demo: bool) -> str:
    """The adapter's configuration: the engine, and the pipeline as one more, with one model."""
    lines = ["[[upstreams]]", 'name = "vllm"', f"url = {_quoted(upstream)}"]
    lines += [f"api_key_env = {_quoted(KEY)}"] if key else []
    lines += ["", "[[upstreams]]", 'name = "chatqna"', 'kind = "openai"']
    lines += [f"url = {_quoted(chatqna.url)}"]
    lines += ["", '[models."chatqna"]', 'upstream = "chatqna"', 'capabilities = ["completion"]']
    lines += [f"options = {{ num_predict = {LIMIT_OF_THE_DEMO} }}"] if demo else []
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """As TOML has it; addresses were checked to have neither spaces nor control characters."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
