"""The model hub: what is in its local cache, and what it says about a model, by plain HTTP.

Asked before anything is installed, so that a closed or misspelled model is an error at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from launcher import web
from launcher.settings import Hub

PATIENCE = 4.0
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tekken.json")
WEIGHTS = (".safetensors", ".bin")
# What vLLM never reads: the same weights once more in other forms.
IGNORED = ("*.pt", "*.pth", "*.gguf", "*.onnx", "*.h5", "*.msgpack", "original/*", "onnx/*")

State = Literal["open", "closed", "unknown", "silent"]


@dataclass(frozen=True)
class Listing:
    """`closed`: needs a licence or a token; `unknown`: no such model; `silent`: nobody answers."""

    state: State
    size: int = 0
    ignored: tuple[str, ...] = IGNORED
    """Patterns of files that need not come along."""


def ask(hub: Hub, model: str) -> Listing:
    if hub.offline:
        return Listing("silent")
    headers = {"Authorization": f"Bearer {hub.token}"} if hub.token else {}
    path = quote(model)
    about = web.get(f"{hub.endpoint}/api/models/{path}?blobs=true", PATIENCE, headers, proxies=True)
    if about is None:
        return Listing("silent")
    if about.status in (400, 401, 403, 404):
        # The hub answers 401 for a name it doesn't know as well, so that private ones stay so.
        return Listing("closed" if about.status == 403 else "unknown")
    files = _files(about.json()) if about.status == 200 else None
    if files is None:  # too many questions, a page of the network's own, ...
        return Listing("silent")
    file = web.get(
        f"{hub.endpoint}/{path}/resolve/main/config.json",
        PATIENCE,
        headers,
        proxies=True,
        method="HEAD",
    )
    if file is not None and file.status in (401, 403):
        return Listing("closed")
    return _listing(files)


def cached(hub: Hub, model: str) -> Path | None:
    """The folder of a complete local copy."""
    folder = hub.cache / f"models--{model.replace('/', '--')}"
    try:
        commit = (folder / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, UnicodeError):
        return None
    snapshot = folder / "snapshots" / commit
    return snapshot if not missing(snapshot) else None


def bytes_in_cache(hub: Hub, model: str) -> int:
    """Bytes of a download so far, unfinished files included."""
    return size_of((hub.cache / f"models--{model.replace('/', '--')}" / "blobs").glob("*"))


def missing(folder: Path) -> str:
    """What a folder lacks to be a model; empty when it lacks nothing."""
    if not (folder / "config.json").is_file():
        return "config.json"
    if not any((folder / name).exists() for name in TOKENIZERS):
        return "a tokenizer file"
    for index in folder.glob("*.safetensors.index.json"):
        try:
            named = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        except (ValueError, KeyError, TypeError, AttributeError):
            return f"a readable {index.name}"
        parts = sorted({str(part) for part in named})
        return next((part for part in parts if not (folder / part).exists()), "")
    return "" if any(weights(folder)) else "weights (*.safetensors)"


def weights(folder: Path) -> list[Path]:
    """The weight files; safetensors alone when there are both kinds."""
    for suffix in WEIGHTS:
        if found := sorted(path for path in folder.glob(f"*{suffix}") if path.exists()):
            return found
    return []


def size_of(files: Iterable[Path]) -> int:
    total = 0
    for path in files:
        try:
            total += path.stat().st_size
        except OSError:  # renamed in the meantime
            continue
    return total


def _files(about: object) -> list[dict[str, object]] | None:
    """What the hub lists; None when the answer is not the hub's."""
    rows = about.get("siblings") if isinstance(about, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else None


def _listing(files: list[dict[str, object]]) -> Listing:
    sizes = {
        str(row.get("rfilename") or "unnamed"): size if isinstance(size, int) else 0
        for row in files
        for size in (row.get("size"),)
    }
    twice = ("*.bin",) if any(name.endswith(".safetensors") for name in sizes) else ()
    ignored = IGNORED + twice
    kept = (size for name, size in sizes.items() if not any(map(Path(name).match, ignored)))
    return Listing("open", sum(kept), ignored)
