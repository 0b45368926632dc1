"""The environment, read once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from launcher import ports, secret
from launcher.errors import CannotRun

HUB = "https://huggingface.co"
HUB_TOKENS = ("HF_TOKEN", "HUGGINGFACEHUB_API_TOKEN")
TRUE = {"1", "true", "yes", "on"}


@dataclass(frozen=True)
class Hub:
    endpoint: str
    token: str
    offline: bool
    cache: Path


@dataclass(frozen=True)
class Docs:
    """Questions are answered from a folder; where the services for it listen."""

    folder: Path
    chatqna: ports.Address
    dataprep: ports.Address

    @property
    def addresses(self) -> tuple[ports.Address, ports.Address]:
        return self.chatqna, self.dataprep


@dataclass(frozen=True)
class Settings:
    root: Path
    """The checkout."""
    address: ports.Address
    model: str
    vllm_url: str
    vllm_api_key: str
    context_length: int | None
    hub: Hub
    docs: Docs | None

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def own_folder(self) -> Path:
        return Path(__file__).resolve().parent.parent


def read(environ: Mapping[str, str], root: Path) -> Settings:
    return Settings(
        root=root,
        address=ports.settled(ports.parse(environ.get("OLLAMA_HOST", ""))),
        model=environ.get("MODEL", "").strip(),
        vllm_url=_vllm_url(environ.get("VLLM_URL", "").strip()),
        vllm_api_key=environ.get("VLLM_API_KEY", ""),
        context_length=_context_length(environ.get("OLLAMA_CONTEXT_LENGTH", "").strip()),
        hub=hub(environ),
        docs=_docs(environ),
    )


def expand(path: str | Path) -> Path:
    """Like Path.expanduser, but the home of a user who is not there stays as it is written."""
    return Path(os.path.expanduser(path))


def _vllm_url(text: str) -> str:
    url = text.rstrip("/").removesuffix("/v1").rstrip("/")
    return server("VLLM_URL", url, "http://127.0.0.1:8000") if url else ""


def server(variable: str, url: str, example: str) -> str:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, an open bracket
        fits = False
    if not fits or any(letter.isspace() for letter in url):
        raise CannotRun(f"{variable} is no address of a server: {url}; one looks like {example}")
    return url


def _docs(environ: Mapping[str, str]) -> Docs | None:
    text = environ.get("DOCS", "").strip()
    if not text:
        return None
    if environ.get("ADAPTER_CONFIG"):
        raise CannotRun(
            "DOCS and ADAPTER_CONFIG don't go together: with documents, the adapter's "
            "configuration is made here; unset ADAPTER_CONFIG"
        )
    chatqna = _listens(environ, "CHATQNA_PORT", 8888)
    return Docs(expand(text), chatqna, _listens(environ, "DATAPREP_PORT", 6007))


def _listens(environ: Mapping[str, str], variable: str, usual: int) -> ports.Address:
    text = environ.get(variable, "").strip()
    port = ports.whole_number(text) if text else usual
    if port is None or port > ports.HIGHEST:
        raise CannotRun(f"{variable} is no number of a port: {text}")
    host = environ.get("RAG_HOST", "").strip() or ports.DEFAULT_HOST
    return ports.settled(ports.Address(host, port))


def _context_length(text: str) -> int | None:
    if not text:
        return None
    number = ports.whole_number(text)
    if number is None:
        raise CannotRun(f"OLLAMA_CONTEXT_LENGTH is no number of tokens: {text}")
    return number or None  # Ollama's 0 means: choose for me


def hub(environ: Mapping[str, str]) -> Hub:
    """As huggingface_hub finds these settings; the token under its other names as well."""
    home = expand(environ.get("HOME") or "~")
    caches = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    base = expand(environ.get("HF_HOME") or caches / "huggingface")
    cache = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE") or base / "hub"
    return Hub(
        endpoint=server("HF_ENDPOINT", (environ.get("HF_ENDPOINT") or HUB).rstrip("/"), HUB),
        token=secret.read(environ, *HUB_TOKENS) or _saved_token(environ, base),
        offline=environ.get("HF_HUB_OFFLINE", "").lower() in TRUE,
        cache=expand(cache),
    )


def _saved_token(environ: Mapping[str, str], base: Path) -> str:
    """The token that `hf auth login` left."""
    try:
        return Path(environ.get("HF_TOKEN_PATH") or base / "token").read_text("utf-8").strip()
    except (OSError, UnicodeError):
        return ""
