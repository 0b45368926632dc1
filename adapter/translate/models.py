"""What is known of a model → the answers of /api/tags, /api/ps and /api/show.

Clients need some fields that an engine does not tell; where those must be text they say
"unknown", never a guess. Sources: `server/routes.go`, and the fields that clients require.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

UNKNOWN = "unknown"
DISPLAY_ORDER = ("completion", "tools", "thinking", "vision", "embedding", "insert")


@dataclass(frozen=True, slots=True)
class Card:
    """Facts of a model's files. Sizes in bytes, None or "unknown" where nobody tells."""

    family: str = UNKNOWN
    parameter_count: int | None = None
    parameter_size: str = UNKNOWN
    quantization: str = UNKNOWN
    size: int = 0
    embedding_length: int | None = None
    block_count: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """One model as clients see it. `modified_at` is RFC 3339."""

    name: str
    served_name: str
    digest: str
    modified_at: str
    card: Card
    capabilities: frozenset[str]
    context_length: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def digest_of(served_name: str, root: str) -> str:
    """64 hex digits that stay the same as long as the engine serves the same thing."""
    return hashlib.sha256(f"{served_name}\n{root}".encode()).hexdigest()


def tags_reply(listings: list[Listing]) -> dict[str, Any]:
    """/api/tags, newest first."""
    newest_first = sorted(listings, key=lambda listing: listing.modified_at, reverse=True)
    return {"models": [_tag(listing) for listing in newest_first]}


def ps_reply(loaded: list[tuple[Listing, str]]) -> dict[str, Any]:
    """/api/ps: models and when they expire (RFC 3339), longest-lived first."""
    longest_first = sorted(loaded, key=lambda pair: pair[1], reverse=True)
    return {"models": [_process(listing, expires_at) for listing, expires_at in longest_first]}


def show_reply(listing: Listing) -> dict[str, Any]:
    """/api/show. The engine applies the model's own chat template, which it does not tell."""
    parameters = _parameters(listing)
    return {
        "modelfile": _modelfile(listing, parameters),
        "parameters": "\n".join(f"{name:<30} {_quoted(value)}" for name, value in parameters),
        "template": "{{ .Prompt }}",
        "details": _details(listing),
        "model_info": _model_info(listing),
        "capabilities": _capabilities(listing),
        "modified_at": listing.modified_at,
    }


def _tag(listing: Listing) -> dict[str, Any]:
    known = {
        "context_length": listing.context_length,
        "embedding_length": listing.card.embedding_length,
    }
    details = _details(listing) | {key: value for key, value in known.items() if value}
    return {
        "name": listing.name,
        "model": listing.name,
        "modified_at": listing.modified_at,
        "size": listing.card.size,
        "digest": listing.digest,
        "details": details,
        "capabilities": _capabilities(listing),
    }


def _process(listing: Listing, expires_at: str) -> dict[str, Any]:
    return {
        "name": listing.name,
        "model": listing.name,
        "size": listing.card.size,
        "digest": listing.digest,
        "details": _details(listing),
        "expires_at": expires_at,
        # Where the engine keeps its weights is not told; the whole size, as for one on a GPU.
        "size_vram": listing.card.size,
        "context_length": listing.context_length or 0,
    }


def _details(listing: Listing) -> dict[str, Any]:
    card = listing.card
    return {
        "parent_model": "",
        "format": "safetensors",
        "family": card.family,
        "families": [card.family],
        "parameter_size": card.parameter_size,
        "quantization_level": card.quantization,
    }


def _capabilities(listing: Listing) -> list[str]:
    return [word for word in DISPLAY_ORDER if word in listing.capabilities]


def _model_info(listing: Listing) -> dict[str, Any]:
    card = listing.card
    info = {
        "general.architecture": card.family,
        "general.basename": listing.name.partition(":")[0],
        "general.parameter_count": card.parameter_count,
        f"{card.family}.block_count": card.block_count,
        f"{card.family}.context_length": listing.context_length,
        f"{card.family}.embedding_length": card.embedding_length,
    }
    return {key: value for key, value in info.items() if value is not None}


def _parameters(listing: Listing) -> list[tuple[str, Any]]:
    window = {"num_ctx": listing.context_length} if listing.context_length else {}
    pairs: list[tuple[str, Any]] = []
    for name, value in (window | dict(listing.options)).items():
        pairs += [(name, item) for item in (value if isinstance(value, list) else [value])]
    return pairs


def _modelfile(listing: Listing, parameters: list[tuple[str, Any]]) -> str:
    lines = [f"# {listing.name}, served by the engine as", f"FROM {listing.served_name}"]
    lines += [f"PARAMETER {name} {_quoted(value)}" for name, value in parameters]
    return "\n".join(lines) + "\n"


def _quoted(value: Any) -> str:
    """Strings in quotes, as clients split these lines at blanks."""
    return orjson.dumps(value).decode()
