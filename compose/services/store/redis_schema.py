"""What is in Redis, and which server will do.

| key | type | holds |
|---|---|---|
| `rag:version` | text | of all this |
| `rag:numbers`, `rag:ids` | counters | numbers of indexes; of documents and passages |
| `rag:indexes` | hash | name → number, model (JSON) |
| `rag:making` | hash | number → name, model (JSON): of an index that had no document yet |
| `rag:documents:I` | hash | name → number, count of passages, what is known of it (JSON) |
| `rag:passage:I:N` | hash | a passage; the Query Engine's index `rag:passages:I` is of these |
| `rag:hidden:I` | set | documents whose passages no search finds |
| `rag:leases` | sorted set | documents being written → until when; 0: to be removed |
| `rag:ranges` | sorted set | documents → number: which one a passage is of |

I is the number of an index. A document with the number D and C passages has the passages D + 1 to
D + C. In the sorted sets it is called `I:D:C`. The Query Engine works in database 0 only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from services.store.password_file import NO_ADDRESS

VERSION = "1"
LEAST_REDIS = (8, 0)
"""The Query Engine is part of Redis since then."""
RANKS_RIGHTLY = (8, 2, 4)
"""Before, a word that is in most passages could weigh most (BM25 with a number below zero): until
the engine's garbage collector had been there, passages that are gone counted."""

_OPTIONS = ("username", "password", "db", "client_name", "health_check_interval")
"""Of the driver's: those that change nothing of how we talk to it."""


def columns(dimension: int) -> list[str | int]:
    """How passages are indexed, as FT.CREATE reads it; words are stems already.

    FLAT compares every vector. A graph (HNSW) would hold the server up for sixty times as long at
    every passage that is written, and finds some of those with the same vector only.
    """
    compared = ("TYPE", "FLOAT16", "DIM", dimension, "DISTANCE_METRIC", "COSINE")
    return [
        *("STOPWORDS", 0, "SCHEMA"),
        *("words", "TEXT", "NOSTEM"),
        *("document", "TAG"),
        *("tags", "TAG"),
        *("mark", "TAG"),
        *("vector", "VECTOR", "FLAT", len(compared), *compared),
    ]


def unfit(info: Mapping[str, Any], database: int) -> str:
    """What keeps a server from being the store, in words; empty: nothing does. Read from INFO."""
    if _version(info) < LEAST_REDIS:
        return f"Redis 8 or newer is needed, not {info['redis_version']}"
    if info["redis_mode"] != "standalone":
        return f"one Redis server is needed, not a {info['redis_mode']}"
    if database:
        return f"database 0 is needed, not {database}"
    policy = str(info["maxmemory_policy"])
    if info["maxmemory"] and policy.startswith("allkeys"):
        return f"its maxmemory-policy {policy} would lose documents: noeviction is needed"
    return ""


def unfit_address(url: str) -> str:
    """What keeps a STORE_URL from being one, in words without the password; empty: nothing does."""
    parts = urlsplit(url)
    try:
        _ = parts.port
    except ValueError:
        return NO_ADDRESS
    options = parse_qs(parts.query, keep_blank_values=True)
    if all(name in _OPTIONS or name.startswith("ssl_") for name in options):
        return ""
    return f"an option that can't be chosen; those that can: {', '.join(_OPTIONS)}, ssl_…"


def caveat(info: Mapping[str, Any]) -> str:
    """What to say of a server that will do; empty: nothing."""
    if _version(info) >= RANKS_RIGHTLY:
        return ""
    told = f"Redis {info['redis_version']} ranks by words wrongly after documents are replaced"
    return f"{told}: 8.2.4 or newer does not"


def _version(info: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(part) for part in str(info["redis_version"]).split(".")[:3])
