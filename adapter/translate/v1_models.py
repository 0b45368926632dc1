"""/v1/models: the catalog in OpenAI's words. Source: `openai/openai.go:ToListCompletion`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from adapter.translate.models import Listing

OWNER = "library"
"""Ollama's word for whoever made a model without a namespace; it says it of all."""


def model_list(listings: list[Listing]) -> dict[str, Any]:
    return {"object": "list", "data": [model(listing, listing.name) for listing in listings]}


def model(listing: Listing, name: str) -> dict[str, Any]:
    """One model under a name; `created` in seconds since 1970."""
    created = int(datetime.fromisoformat(listing.modified_at).timestamp())
    return {"id": name, "object": "model", "created": created, "owned_by": OWNER}
