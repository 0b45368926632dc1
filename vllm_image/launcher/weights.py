"""Which model is served, and from where: a folder, the hub, or one made on the spot."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from launcher import gate, hub, names
from launcher.errors import CannotRun, TryAgain
from launcher.settings import Hub, Settings, expand

DEFAULT = "Qwen/Qwen2.5-0.5B-Instruct"
OPEN_MODEL = f"MODEL={DEFAULT} make serve"
HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)
HUB_LONGEST = 200
HUB_PAGE = re.compile(
    r"https?://(?:huggingface\.co|hf\.co)/([^/?#]+/[^/?#]+)(?:/tree/main)?(?:[?#].*)?"
)
OLLAMA_NAME = re.compile(r"[\w./-]+:[\w.-]+", re.ASCII)
UNPACKED_DEMO = 10_000_000


@dataclass(frozen=True)
class Choice:
    source: Literal["folder", "cache", "hub", "demo"]
    model: str
    """Hub id or folder; empty for the demo."""
    name: str
    """What Ollama clients call it."""
    size: int
    """Bytes of its weights."""
    folder: Path | None = None
    """Where it lies, when it lies there already."""
    ignored: tuple[str, ...] = ()
    """Patterns of files that are not downloaded."""

    @property
    def download(self) -> int:
        """Bytes still to come."""
        return {"hub": self.size, "demo": UNPACKED_DEMO}.get(self.source, 0)


def choose(settings: Settings) -> Choice:
    if not settings.model:
        return _default(settings.hub)
    model = tidied(settings.model)
    folder = expand(model)
    if os.path.isdir(folder):
        return _from_folder(model, folder)
    if model.lower().endswith((".gguf", "-gguf")):
        raise CannotRun(
            "GGUF files are not taken: vLLM wants a folder or hub id of safetensors, "
            f"not {model}; one that works: {OPEN_MODEL}"
        )
    if model.startswith((".", "/", "~")):
        raise CannotRun(f"MODEL names a folder that is not there: {model}")
    if not HUB_ID.fullmatch(model) or len(model) > HUB_LONGEST:
        hint = f"; names of the hub look so: {OPEN_MODEL}" if OLLAMA_NAME.fullmatch(model) else ""
        raise CannotRun(f"MODEL is neither a folder nor a name on the hub: {model}{hint}")
    return _from_hub(settings.hub, model)


def tidied(model: str) -> str:
    """Without a trailing slash; a page of the hub becomes the name it shows."""
    model = model.rstrip("/") or model
    page = HUB_PAGE.fullmatch(model)
    return page[1] if page else model


def _default(place: Hub) -> Choice:
    if folder := hub.cached(place, DEFAULT):
        return _cached(DEFAULT, folder)
    listing = hub.ask(place, DEFAULT)
    if listing.state == "open":
        return _listed(DEFAULT, listing)
    return Choice("demo", "", names.DEMO, 0)


def _from_folder(given: str, folder: Path) -> Choice:
    if faults := gate.faults(folder):
        raise CannotRun(f"the folder {given} is not a complete model: {faults[0]}", faults[1:])
    path = folder.resolve()
    return Choice("folder", str(path), names.folder_name(path), _weight(path), path)


def _from_hub(place: Hub, model: str) -> Choice:
    if folder := hub.cached(place, model):
        return _cached(model, folder)
    listing = hub.ask(place, model)
    if listing.state == "open":
        return _listed(model, listing)
    raise refusal(place, model, listing.state)


def refusal(
    place: Hub, model: str, state: hub.State, example: str = OPEN_MODEL
) -> CannotRun | TryAgain:
    if state == "closed":
        page = f"{place.endpoint}/{model}"
        token = (
            f"ask for access on {page} with the account that HF_TOKEN is of, and wait for it"
            if place.token
            else f"accept its licence on {page} and set HF_TOKEN to a token of the account that did"
        )
        return CannotRun(
            f"{model} is not open to everybody: {token}; or take an open model: {example}"
        )
    if state == "unknown":
        private = "that HF_TOKEN doesn't open" if place.token else "which needs HF_TOKEN"
        return CannotRun(
            f"the hub has no model {model} (or a private one, {private}); one that works: {example}"
        )
    if place.offline:
        return CannotRun(f"HF_HUB_OFFLINE is set and {model} is not complete in {place.cache}")
    return TryAgain(
        f"the hub {place.endpoint} does not answer and {model} is not in {place.cache}; "
        "without MODEL= a demo model is made on the spot"
    )


def _cached(model: str, folder: Path) -> Choice:
    return Choice("cache", model, names.ollama_name(model), _weight(folder), folder)


def _listed(model: str, listing: hub.Listing) -> Choice:
    return Choice("hub", model, names.ollama_name(model), listing.size, ignored=listing.ignored)


def _weight(folder: Path) -> int:
    return hub.size_of(hub.weights(folder))
