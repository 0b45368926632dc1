"""A process that reads files and cuts them, told by its standard input, until that ends.

A file is a stranger's: a parser that it crashes, fills or keeps busy is this process's, which the
one that asks can kill (see workers). It knows no secrets and has a bound of memory.

Asked {"name", "path", "kind", "charset", "most", "overlap", "unit"}, it answers with
{"reading": {"kind", "title", "metadata", "remark"}}, with {"passages": [[text, header, metadata,
key], …]} as often as need be, and with {"end": true}. Instead of what would come next it may say
{"error": sentence, "status": number}, or {"error": sentence, "detail": for the log} where the
reader failed rather than refused.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from services.errors import Refused
from services.ingest import frames, kinds
from services.ingest.cutting import Size, cut
from services.ingest.reading import clean

MEMORY = 2 * 2**30
_LONGEST_TITLE = 300
"""Characters: it stands in every list of documents."""
MOST_PASSAGES = 100_000
_AT_ONCE = 100
_PATIENCE = 10
"""Of `nice`: who asks a question goes first."""


def main() -> None:
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # so that a parser that prints doesn't speak for us
    bound()
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        while (job := frames.read(requests)) is not None:
            for reply in answered(job):
                replies.write(frames.packed(reply))
            replies.flush()


def bound() -> None:
    if sys.platform != "win32":
        import resource

        # A stricter bound that is there already stays; some systems know none.
        with contextlib.suppress(ValueError, OSError):
            _, most = resource.getrlimit(resource.RLIMIT_AS)
            if most == resource.RLIM_INFINITY or most > MEMORY:
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.nice(_PATIENCE)


def answered(job: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    name = job["name"]
    try:
        yield from _answered(job)
    except Refused as error:
        yield {"error": error.message, "status": error.status}
    except MemoryError:
        told = f"{name}: to read it takes too much memory"
        yield {"error": told, "detail": "MemoryError"}
    except Exception as error:
        told = f"{name}: the file is broken, or of another kind than its ending says"
        yield {"error": told, "detail": repr(error)[:500]}


def _answered(job: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    name = job["name"]
    data = in_utf8(Path(job["path"]).read_bytes(), job["charset"])
    reading = kinds.read(name, data, job["kind"])
    yield {
        "reading": {
            "kind": reading.kind,
            "title": clean(reading.title)[:_LONGEST_TITLE],
            "metadata": reading.metadata,
            "remark": reading.remark,
        }
    }
    count = 0
    pieces = cut(name, reading, Size(job["most"], job["overlap"], job["unit"]))
    while some := list(itertools.islice(pieces, _AT_ONCE)):
        count += len(some)
        if count > MOST_PASSAGES:
            raise Refused(f"{name}: more than {MOST_PASSAGES} passages; send it in parts")
        yield {"passages": [list(piece) for piece in some]}
    if not count:
        raise Refused(f"{name}: there is no text in it")
    yield {"end": True}


def in_utf8(data: bytes, charset: str) -> bytes:
    """With a mark, so that no reader guesses; as it is, where nobody told the encoding."""
    try:
        return data.decode(charset).encode("utf-8-sig") if charset else data
    except (LookupError, UnicodeError):
        return data


if __name__ == "__main__":
    main()
