"""The model hub: what is in its local cache, and what it says about a model, by plain HTTP.

Asked before anything is installed, so that a closed or misspelled model is an error at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from launcher import gate, remote, web
from launcher.settings import Hub

PATIENCE = 4.0

State = Literal["open", "closed", "unknown", "silent"]


@dataclass(frozen=True)
class Listing:
    """`closed`: needs a licence or a token; `unknown`: no such model; `silent`: nobody answers."""

    state: State
    size: int = 0
    ignored: tuple[str, ...] = remote.IGNORED
    """Patterns of files that need not come along."""


def ask(hub: Hub, model: str) -> Listing:
    if hub.offline:
        return Listing("silent")
    about = web.get(about_url(hub, model), PATIENCE, headers(hub), proxies=True)
    if about is None:
        return Listing("silent")
    if about.status in (400, 401, 403, 404):
        # The hub answers 401 for a name it doesn't know as well, so that private ones stay so.
        return Listing("closed" if about.status == 403 else "unknown")
    files = siblings(about.json()) if about.status == 200 else None
    if files is None:  # too many questions, a page of the network's own, ...
        return Listing("silent")
    config = file_url(hub, model, "main", "config.json")
    file = web.get(config, PATIENCE, headers(hub), proxies=True, method="HEAD")
    if file is not None and file.status in (401, 403):
        return Listing("closed")
    return _listing(files)


def headers(hub: Hub) -> dict[str, str]:
    return {"Authorization": f"Bearer {hub.token}"} if hub.token else {}


def about_url(hub: Hub, model: str, revision: str = "") -> str:
    at = f"/revision/{quote(revision, safe='')}" if revision else ""
    return f"{hub.endpoint}/api/models/{quote(model)}{at}?blobs=true"


def file_url(hub: Hub, model: str, revision: str, name: str) -> str:
    return f"{hub.endpoint}/{quote(model)}/resolve/{quote(revision, safe='')}/{quote(name)}"


def cached(hub: Hub, model: str) -> Path | None:
    """The folder of a complete local copy."""
    folder = hub.cache / f"models--{model.replace('/', '--')}"
    try:
        commit = (folder / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, UnicodeError):
        return None
    snapshot = folder / "snapshots" / commit
    return snapshot if not gate.faults(snapshot) else None


def bytes_in_cache(hub: Hub, model: str) -> int:
    """Bytes of a download so far, unfinished files included."""
    return size_of((hub.cache / f"models--{model.replace('/', '--')}" / "blobs").glob("*"))


def weights(folder: Path) -> list[Path]:
    """The weight files; safetensors alone when there are both kinds."""
    return [folder / name for name in gate.weights(gate.files(folder))]


def size_of(files: Iterable[Path]) -> int:
    total = 0
    for path in files:
        try:
            total += path.stat().st_size
        except OSError:  # renamed in the meantime
            continue
    return total


def siblings(about: object) -> list[dict[str, object]] | None:
    """What the hub lists; None when the answer is not the hub's."""
    rows = about.get("siblings") if isinstance(about, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else None


def _listing(files: list[dict[str, object]]) -> Listing:
    sizes = {
        str(row.get("rfilename") or "unnamed"): size if isinstance(size, int) else 0
        for row in files
        for size in (row.get("size"),)
    }
    ignored = remote.ignored(sizes)
    kept = (size for name, size in sizes.items() if not any(map(Path(name).match, ignored)))
    return Listing("open", sum(kept), ignored)
