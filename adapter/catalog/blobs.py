"""Files that clients upload for a later create: `blobs/` of the state folder.

A blob is called by its digest. It is written beside its place and renamed, so what has its name is
whole. Blobs wait for a create only: what no create has asked for goes after a day, and so do
uploads that broke off after an hour. Blocks on disk: call it in a thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from adapter.catalog.state import LORAS, unusable
from adapter.errors import AdapterError, BadRequest
from adapter.translate.lora import no_gguf

LIMIT = 8 * 2**30
"""Bytes that may wait for a create, all uploads together."""
WAITS_SECONDS = 24 * 3600.0
PARTIAL_SECONDS = 3600.0

_DIGEST = re.compile(r"sha256[:-]([0-9a-fA-F]{64})")
_GGUF = b"GGUF"


def parse_digest(text: str) -> str:
    """The digest as it is compared: `sha256:` and 64 small hex digits.

    Raises:
        BadRequest: it is none.
    """
    match = _DIGEST.fullmatch(text)
    if match is None:
        raise BadRequest("invalid digest format")
    return f"sha256:{match[1].lower()}"


def is_gguf(beginning: bytes) -> bool:
    """Whether a file that begins so is llama.cpp's, which vLLM is not given."""
    return beginning.startswith(_GGUF)


class Upload:
    """A blob on its way in. Closing it without `finish` leaves nothing behind."""

    def __init__(self, folder: Path, digest: str, room: int) -> None:
        self._folder = folder
        self._digest = digest
        self._room = room
        self._hash = hashlib.sha256()
        self._size = 0
        self._partial = folder / f"{uuid.uuid4().hex}.partial"
        with _disk(folder):
            self._stream: BinaryIO = self._partial.open("xb")

    def write(self, data: bytes) -> None:
        """Raises BadRequest for a GGUF file, and for more than may be kept."""
        if self._size == 0 and is_gguf(data):
            raise BadRequest(no_gguf("files"))
        self._size += len(data)
        if self._size > self._room:
            raise BadRequest(too_much(), status=413)
        self._hash.update(data)
        with _disk(self._folder):
            self._stream.write(data)

    def finish(self) -> None:
        """Gives the blob its name.

        Raises:
            BadRequest: its content is not what the name says.
        """
        found = f"sha256:{self._hash.hexdigest()}"
        if found != self._digest:
            raise BadRequest(f'digest mismatch, expected "{self._digest}", got "{found}"')
        with _disk(self._folder):
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._partial.rename(self._folder / _file_name(self._digest))

    def close(self) -> None:
        self._stream.close()
        self._partial.unlink(missing_ok=True)


class Blobs:
    """The blobs of a state folder, and the adapters' folders that creates make of them."""

    def __init__(self, state_folder: Path) -> None:
        self._folder = state_folder / "blobs"
        self._loras = state_folder / LORAS

    def has(self, digest: str) -> bool:
        """Whether the blob is here; being asked for keeps it from being removed."""
        path = self._folder / _file_name(digest)
        try:
            os.utime(path)
        except OSError:
            return path.is_file()
        return True

    def upload(self, digest: str) -> Upload:
        """Begins to take in a blob.

        Raises:
            BadRequest: as much as may wait is waiting already.
            StateFault: the folder can't be written.
        """
        with _disk(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._sweep_blobs()
            room = LIMIT - sum(map(_size, self._folder.iterdir()))
        if room <= 0:
            raise BadRequest(too_much(), status=413)
        return Upload(self._folder, digest, room)

    def assemble(self, name: str, files: Mapping[str, str]) -> Path:
        """An adapter's folder, made of blobs (file name → digest) if it is not there.

        Raises:
            BadRequest: a blob is not here.
            StateFault: the folder can't be written.
        """
        folder = self._loras / name
        if folder.is_dir():
            return folder
        for file, digest in files.items():
            if not self.has(digest):
                raise BadRequest(f'adapters: "{file}": blob "{digest}" not found')
        draft = self._loras / f"{uuid.uuid4().hex}.partial"
        with _disk(self._loras):
            try:
                draft.mkdir(parents=True)
                for file, digest in files.items():
                    _link(self._folder / _file_name(digest), draft / file)
                draft.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was faster with the same
                    raise
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        return folder

    def remove_adapter(self, name: str) -> None:
        shutil.rmtree(self._loras / name, ignore_errors=True)

    def sweep(self, wanted: Collection[str]) -> None:
        """Removes what nobody will ask for: old blobs, and adapters that no alias needs.

        A create may be about to use an adapter's folder, so a new one stays for a while.
        """
        with contextlib.suppress(OSError):
            self._sweep_blobs()
        with contextlib.suppress(OSError):
            for path in self._loras.iterdir():
                if path.name not in wanted and _age(path) > PARTIAL_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)

    def _sweep_blobs(self) -> None:
        for path in self._folder.iterdir():
            limit = PARTIAL_SECONDS if path.suffix == ".partial" else WAITS_SECONDS
            with contextlib.suppress(OSError):
                if _age(path) > limit:
                    path.unlink()


def too_much() -> str:
    return f"more than {LIMIT // 2**30} GiB of blobs would wait for a create"


def _file_name(digest: str) -> str:
    # No colon: not every file system takes one.
    return digest.replace(":", "-")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # another process was done with it
        return 0


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except AdapterError:
        raise
    except OSError as error:
        raise unusable(folder.parent, error.strerror or str(error)) from error
