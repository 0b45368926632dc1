"""What is known of a model → the answers of /api/tags, /api/ps and /api/show.

Clients need some fields that an engine does not tell; where those must be text they say
"unknown", never a guess. Sources: `server/routes.go`, and the fields that clients require.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from adapter.translate.definition import Definition
from adapter.translate.modelfile import modelfile, parameters, parameters_text
from adapter.translate.untold import FIM_TEMPLATE, TEMPLATE, UNKNOWN
from adapter.wire.ollama import ShowRequest

DISPLAY_ORDER = ("completion", "tools", "thinking", "vision", "embedding", "insert")
_PLAIN = ShowRequest()


@dataclass(frozen=True, slots=True)
class Card:
    """Facts of a model's files. Sizes in bytes, None or "unknown" where nobody tells.

    `modified_at`: when they were last changed, RFC 3339, or "".
    """

    family: str = UNKNOWN
    parameter_count: int | None = None
    parameter_size: str = UNKNOWN
    quantization: str = UNKNOWN
    size: int = 0
    embedding_length: int | None = None
    block_count: int | None = None
    license: str = ""
    modified_at: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """One model as clients see it. `modified_at` is RFC 3339.

    `own` is what an alias adds to the model that it stands on; `adapter` the folder of its LoRA.
    `told` is the row in which a real Ollama lists it.
    """

    name: str
    served_name: str
    digest: str
    modified_at: str
    card: Card
    capabilities: frozenset[str]
    context_length: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    own: Definition | None = None
    adapter: str = ""
    told: Mapping[str, Any] | None = None


def digest_of(served_name: str, root: str) -> str:
    """64 hex digits that stay the same as long as the engine serves the same thing."""
    return hashlib.sha256(f"{served_name}\n{root}".encode()).hexdigest()


def tags_reply(listings: list[Listing]) -> dict[str, Any]:
    """/api/tags, newest first."""
    newest_first = sorted(listings, key=_date, reverse=True)
    return {"models": [_tag(listing) for listing in newest_first]}


def _date(listing: Listing) -> datetime:
    # Not by their texts: a real Ollama tells dates in a zone of its own.
    return datetime.fromisoformat(listing.modified_at)


def ps_reply(
    loaded: list[tuple[Listing, str]], told: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """/api/ps: models and when they expire (RFC 3339), longest-lived first.

    `told`: rows as real Ollamas tell them.
    """
    rows = [_process(listing, expires_at) for listing, expires_at in loaded]
    return {"models": sorted([*rows, *map(dict, told)], key=_expires, reverse=True)}


def _expires(row: Mapping[str, Any]) -> float:
    try:
        return datetime.fromisoformat(row["expires_at"]).timestamp()
    except (LookupError, TypeError, ValueError, OverflowError):
        return 0.0


def show_reply(listing: Listing, asked: ShowRequest = _PLAIN) -> dict[str, Any]:
    """/api/show. `tensors` and `projector_info` are left out: engines do not tell them."""
    own = listing.own or Definition(listing.served_name)
    own = replace(own, system=asked.system or own.system)
    pairs = parameters({**listing.options, **asked.options}, listing.context_length)
    licenses = own.license or ((listing.card.license,) if listing.card.license else ())
    shown: dict[str, Any] = {
        "license": "\n".join(licenses) or UNKNOWN,
        "modelfile": modelfile(
            listing.name,
            own.base,
            pairs,
            adapter=listing.adapter,
            template=own.template,
            system=own.system,
            licenses=licenses,
            messages=own.messages,
        ),
        "parameters": parameters_text(pairs),
        "template": own.template or (FIM_TEMPLATE if _fills_gaps(listing) else TEMPLATE),
    }
    if own.system:
        shown["system"] = own.system
    shown["details"] = _details(listing)
    if own.messages:
        turns = [turn.model_dump(exclude_defaults=True) for turn in own.messages]
        shown["messages"] = [{"role": "", "content": ""} | turn for turn in turns]
    return shown | {
        "model_info": _model_info(listing),
        "capabilities": _capabilities(listing),
        "modified_at": listing.modified_at,
    }


def _fills_gaps(listing: Listing) -> bool:
    return "insert" in listing.capabilities


def _tag(listing: Listing) -> dict[str, Any]:
    if listing.told is not None:
        name = {"name": listing.name, "model": listing.name}
        return {**listing.told, **name, "capabilities": _capabilities(listing)}
    return {
        "name": listing.name,
        "model": listing.name,
        "modified_at": listing.modified_at,
        "size": listing.card.size,
        "digest": listing.digest,
        "details": _details(listing),
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
    lengths = {
        "context_length": listing.context_length,
        "embedding_length": card.embedding_length,
    }
    return {
        "parent_model": listing.own.base if listing.own else "",
        "format": "safetensors",
        "family": card.family,
        "families": [card.family],
        "parameter_size": card.parameter_size,
        "quantization_level": card.quantization,
    } | {key: length for key, length in lengths.items() if length}


def _capabilities(listing: Listing) -> list[str]:
    known = [word for word in DISPLAY_ORDER if word in listing.capabilities]
    return [*known, *sorted(listing.capabilities.difference(DISPLAY_ORDER))]


def _model_info(listing: Listing) -> dict[str, Any]:
    card = listing.card
    info = {
        "general.architecture": card.family,
        "general.basename": listing.name.partition(":")[0],
        "general.parameter_count": card.parameter_count,
        f"{card.family}.block_count": card.block_count,
        f"{card.family}.context_length": listing.context_length,
        # Clients want a number; 0 says that nobody tells it.
        f"{card.family}.embedding_length": card.embedding_length or 0,
    }
    return {key: value for key, value in info.items() if value is not None}
