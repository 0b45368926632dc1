"""The environment, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher import ports
from launcher.errors import CannotRun

HUB = "https://huggingface.co"
TRUE = {"1", "true", "yes", "on"}


@dataclass(frozen=True)
class Hub:
    endpoint: str
    token: str
    offline: bool
    cache: Path


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

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def own_folder(self) -> Path:
        return Path(__file__).resolve().parent.parent


def read(environ: Mapping[str, str], root: Path) -> Settings:
    return Settings(
        root=root,
        address=ports.parse(environ.get("OLLAMA_HOST", "")),
        model=environ.get("MODEL", "").strip(),
        vllm_url=environ.get("VLLM_URL", "").strip().rstrip("/").removesuffix("/v1"),
        vllm_api_key=environ.get("VLLM_API_KEY", ""),
        context_length=_context_length(environ.get("OLLAMA_CONTEXT_LENGTH", "").strip()),
        hub=_hub(environ),
    )


def _context_length(text: str) -> int | None:
    if not text:
        return None
    if not text.isdigit():
        raise CannotRun(f"OLLAMA_CONTEXT_LENGTH is no number of tokens: {text}")
    return int(text) or None  # Ollama's 0 means: choose for me


def _hub(environ: Mapping[str, str]) -> Hub:
    """As huggingface_hub finds these settings."""
    home = Path(environ.get("HOME") or Path.home())
    caches = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    base = Path(environ.get("HF_HOME") or caches / "huggingface").expanduser()
    cache = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE") or base / "hub"
    return Hub(
        endpoint=(environ.get("HF_ENDPOINT") or HUB).rstrip("/"),
        token=environ.get("HF_TOKEN") or _saved_token(environ, base),
        offline=environ.get("HF_HUB_OFFLINE", "").lower() in TRUE,
        cache=Path(cache).expanduser(),
    )


def _saved_token(environ: Mapping[str, str], base: Path) -> str:
    """The token that `hf auth login` left."""
    try:
        return Path(environ.get("HF_TOKEN_PATH") or base / "token").read_text("utf-8").strip()
    except OSError:
        return ""
