"""A passage as a hash of Redis, and questions as the Query Engine reads them.

Nothing that a user wrote is part of a query: words go in as parameters, and all else that is
compared goes in, and is indexed, as a *mark*: a hash of it, which has nothing to be escaped.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import orjson
import Stemmer  # type: ignore[import-not-found]  # it is all C

from services.store.faults import StoreFault
from services.store.model import (
    Document,
    Filters,
    NewPassage,
    Passage,
    Vectors,
    with_header,
)
from services.store.terms import terms

Row = list[bytes | int]
_LONGEST = 128
"""Bytes of a word: the engine never finds a longer one. Of those only the beginning counts."""
NOTHING = "@tags:{nothing}"
"""The query that finds nothing: no mark is that short."""


def row_of(number: int, id: int, document: Document, tags: str, new: NewPassage) -> Row:
    """The passage's id and, by turns, names and values of its fields; all but the vector.

    Raises:
        StoreFault: a field is None, whatever its type says.
    """
    fields = {
        "document": str(number),
        "tags": tags,
        "mark": mark(new.key),
        "words": words(with_header(new.header, new.text)),
        "name": document.name,
        "position": str(id - number - 1),
        "text": new.text,
        "header": new.header,
        "key": new.key,
        "metadata": orjson.dumps(new.metadata).decode(),
    }
    row: Row = [id]
    for name, value in fields.items():
        row += [name.encode(), stored(value)]
    return row


_STEMMER = Stemmer.Stemmer("english")
"""Words are stemmed here, by the rules that PostgreSQL's are: the Query Engine would look for a
word and its stem, which are two words to it (`scripts.LEXICAL`)."""


def words(text: str) -> str:
    """As `terms` cuts a question, so that both are the same words in every script."""
    return " ".join(map(_word, re.findall(r"\w+", text.lower())))


def _word(word: str) -> str:
    stem: str = _STEMMER.stemWord(stored(word)[:_LONGEST].decode(errors="ignore"))
    return stem


def stored(text: str | None) -> bytes:
    if text is None:
        raise StoreFault("the store: null where a text has to be")
    return text.encode("utf-8", "replace")


def mark(*parts: str) -> str:
    """Of texts: 32 letters and digits that stand for them."""
    told = b"".join(b"%d:%s" % (len(part), part) for part in map(stored, parts))
    return blake2b(told, digest_size=16).hexdigest()


def tags_of(document: Document) -> str:
    """What filters look at: marks of its name and of what is known of it."""
    known = {key: value for key, value in document.metadata.items() if key != "name"}
    pairs = [("name", document.name)]
    pairs += [(key, _as_text(value)) for key, value in known.items() if value is not None]
    return ",".join(mark(*pair) for pair in pairs)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def among(filters: Filters | None) -> str:
    """The documents that pass, as a query; empty: all."""
    return " ".join(
        any_tag("tags", [mark(key, value) for value in wanted])
        for key, wanted in (filters or {}).items()
    )


def uncounted(query: str) -> str:
    """It narrows another one, but adds nothing to scores.

    Twice, as the engine overlooks the weight of a group that is one tag.
    """
    return f"({query} {query})=>{{$weight:0}}" if query else ""


def any_tag(field: str, marks: Collection[str]) -> str:
    return f"@{field}:{{{'|'.join(marks)}}}" if marks else NOTHING


def asked_words(question: str) -> list[str | bytes]:
    """Its words as parameters of a query, names and values by turns."""
    parameters: list[str | bytes] = []
    for number, word in enumerate(dict.fromkeys(map(_word, terms(question)))):
        parameters += [f"w{number}", stored(word)]
    return parameters


def passage_of(row: Sequence[bytes]) -> Passage:
    id, name, position, text, header, key, metadata = row
    return Passage(
        id=int(id),
        document=name.decode(),
        position=int(position),
        text=text.decode(),
        header=header.decode(),
        key=key.decode(),
        metadata=orjson.loads(metadata),
    )


def id_of(key: bytes) -> int:
    """`rag:passage:I:N` → N."""
    return int(key.rpartition(b":")[2])


def halves(vectors: Vectors) -> Iterable[bytes]:
    """As they are stored: 16-bit numbers."""
    return (vector.tobytes() for vector in vectors.astype(np.float16))


def vector_of(stored: bytes) -> Vectors:
    return np.frombuffer(stored, np.float16).astype(np.float32)
