"""Files on their way in lie on disk, not in memory."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from services.errors import ServiceError, TooLarge

_AT_ONCE = 2**20


@dataclass(frozen=True)
class Spooled:
    path: Path
    size: int
    digest: str
    """sha256."""


def at(path: Path) -> Spooled:
    """A file that lies on disk anyway."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Spooled(path, path.stat().st_size, digest)


class Spool:
    """A folder for the files of one request; gone with it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="rag-")
        self._numbers = itertools.count()

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._folder.cleanup()

    async def take(self, name: str, pieces: AsyncIterator[bytes], limit: int) -> Spooled:
        """All that comes. What is too large is deleted; the rest of it is not asked for.

        Raises:
            TooLarge: more than `limit` bytes.
            ServiceError: the disk doesn't take it.
        """
        path = Path(self._folder.name) / str(next(self._numbers))
        writing = _Writing(name, path)
        try:
            async for piece in pieces:
                writing.add(piece)
                if writing.size > limit:
                    raise TooLarge(f"{name}: larger than {limit} bytes")
                if writing.waiting >= _AT_ONCE:
                    await asyncio.to_thread(writing.flush)
            await asyncio.to_thread(writing.flush)
        except BaseException:
            writing.close()
            path.unlink()
            raise
        writing.close()
        return Spooled(path, writing.size, writing.digest.hexdigest())


class _Writing:
    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        self._file = path.open("wb")
        self._pieces: list[bytes] = []
        self.digest = hashlib.sha256()
        self.size = self.waiting = 0

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.size += len(piece)
        self.waiting += len(piece)

    def flush(self) -> None:
        data = b"".join(self._pieces)
        self._pieces, self.waiting = [], 0
        self.digest.update(data)
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            told = f"{self._name}: it can't be kept while it is read: {error.strerror}"
            raise ServiceError(told, status=507) from None

    def close(self) -> None:
        # What couldn't be written is not tried again.
        with contextlib.suppress(OSError):
            self._file.close()
