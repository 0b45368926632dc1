"""What a store keeps, and what it can do. SQLite, PostgreSQL and Redis do it alike.

An *index* has a name and the model of its vectors. A *document* is a file in an index. A
*passage* is a piece of a document, with its vector.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from services.errors import Mismatch, Refused
from services.settings import NAME_OF_INDEX

Vectors = NDArray[np.float32]
"""One row each, of length 1."""
Filters = Mapping[str, Sequence[str]]
"""A document passes that has one of the values for every key; `name` is its name, all other keys
are of its metadata."""


@dataclass(frozen=True)
class Model:
    """What makes the vectors of an index comparable."""

    id: str
    dimension: int
    query_prefix: str = ""
    passage_prefix: str = ""


@dataclass(frozen=True)
class Index:
    name: str
    model: Model


@dataclass(frozen=True)
class Document:
    name: str
    digest: str
    """sha256 of its bytes and of how it was cut: the same digest, the same passages."""
    kind: str = "text"
    size: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)
    passages: int = 0
    added: str = ""
    """RFC 3339; the store sets it."""


@dataclass(frozen=True)
class NewPassage:
    text: str
    header: str = ""
    """What it stands below: title and headings. Looked for and embedded with the text."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    """Of its content: the same key, the same vector."""


@dataclass(frozen=True)
class Passage:
    id: int
    document: str
    position: int
    text: str
    header: str
    key: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class Scored:
    """A passage's id and how well it fits; more is better."""

    id: int
    score: float


class Store(Protocol):
    """What a method changes is seen in one step, or not at all where it fails.

    Reading an index that isn't there finds nothing. All raise StoreFault where the database fails.
    """

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def indexes(self) -> list[Index]: ...

    async def index(self, name: str) -> Index | None: ...

    async def documents(self, index: str) -> list[Document]: ...

    async def document(self, index: str, name: str) -> Document | None: ...

    async def put(
        self,
        index: str,
        model: Model,
        document: Document,
        passages: Sequence[NewPassage],
        vectors: Vectors,
    ) -> None:
        """Stores a document in place of the one of the same name; makes the index if need be.

        Raises:
            Mismatch: the index was made with another model.
        """

    async def delete(self, index: str, name: str) -> bool:
        """Whether it was there."""

    async def drop(self, index: str) -> bool: ...

    async def vectors_of(self, index: str, keys: Collection[str]) -> dict[str, Vectors]:
        """The vectors of passages with these contents."""

    async def lexical(
        self, index: str, text: str, limit: int, filters: Filters | None = None
    ) -> list[Scored]:
        """BM25, best first."""

    async def dense(
        self, index: str, vector: Vectors, limit: int, filters: Filters | None = None
    ) -> list[Scored]:
        """Cosines, best first."""

    async def passages(self, ids: Sequence[int]) -> list[Passage]:
        """In the order of the ids; what is gone by now is left out."""

    async def vectors(self, index: str, ids: Sequence[int]) -> dict[int, Vectors]: ...


def with_header(header: str, text: str) -> str:
    """A passage as it is looked for, embedded and ranked."""
    return f"{header}\n{text}" if header else text


def checked_name(name: str) -> str:
    """The name of an index.

    Raises:
        Refused: it can't be one. `all` means every index in OPEA's contract.
    """
    if name == "all" or not re.fullmatch(NAME_OF_INDEX, name):
        raise Refused(f"index_name: {name!r} can't be the name of an index")
    return name


def require_same(index: str, made_with: Model, asked_with: Model) -> None:
    """Raises Mismatch where vectors of the two can't be compared."""
    differences = [
        f"{what} {had!r}, not {has!r}"
        for what, had, has in (
            ("model", made_with.id, asked_with.id),
            ("dimension", made_with.dimension, asked_with.dimension),
            ("query prefix", made_with.query_prefix, asked_with.query_prefix),
            ("passage prefix", made_with.passage_prefix, asked_with.passage_prefix),
        )
        if had != has
    ]
    if differences:
        told = "; ".join(differences)
        raise Mismatch(f"the index {index} was made with {told}: ingest into a new one")
