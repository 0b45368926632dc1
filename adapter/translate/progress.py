"""The lines of what Ollama does step by step: pull and create.

Here the steps are done when they are told: a pulled model is there already, and an alias is kept
before its first line, so that a failure keeps its own status. Source: `server/images.go`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adapter.translate.definition import Definition, layers
from adapter.translate.models import Listing

Line = dict[str, Any]

PULLING: Line = {"status": "pulling manifest"}
WRITING: Line = {"status": "writing manifest"}
SUCCESS: Line = {"status": "success"}
NOT_TO_BE_HAD = "pull model manifest: file does not exist"
"""Clients look for the end of it."""
_SHORT = 12


def pull_lines(listing: Listing) -> list[Line]:
    """Of a model that is here; sizes only where they are known."""
    digest, size = listing.digest, listing.card.size
    done = {"status": f"pulling {digest[:_SHORT]}", "digest": f"sha256:{digest}"}
    return [
        PULLING,
        done | ({"total": size, "completed": size} if size else {}),
        {"status": "verifying sha256 digest"},
        WRITING,
        SUCCESS,
    ]


def create_lines(
    base: Listing, under: Definition, definition: Definition, adapter: Iterable[str] = ()
) -> list[Line]:
    """Of an alias made of `base`, which is `under`: what is inherited is there, the rest is new.

    `adapter`: digests of its files.
    """
    there = {f"sha256:{base.digest}", *layers(under)}
    digests = [f"sha256:{base.digest}", *layers(definition), *adapter]
    words = ("using existing" if digest in there else "creating new" for digest in digests)
    lines = [
        {"status": f"{word} layer {digest}"} for word, digest in zip(words, digests, strict=True)
    ]
    return [*lines, WRITING, SUCCESS]
