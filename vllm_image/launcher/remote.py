"""What the places that models are fetched from have in common: files that are listed, then read."""

from __future__ import annotations

import urllib.error
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import PurePosixPath
from typing import Protocol

from launcher import gate
from launcher.errors import LauncherError

# What vLLM never reads: the same weights once more in other forms.
IGNORED = (
    "*.pt",
    "*.pth",
    "*.gguf",
    "*.onnx",
    "*.onnx_data",
    "*.h5",
    "*.ot",
    "*.msgpack",
    "*.tflite",
    "original/*",
    "onnx/*",
    "openvino/*",
)


@dataclass(frozen=True)
class File:
    name: str
    """Path below the model's folder, with slashes."""
    size: int
    identity: str
    """Another one when the content is another one."""
    sha256: str = ""
    """Empty when the place doesn't tell."""


@dataclass(frozen=True)
class Listing:
    revision: str
    """Of the whole: another one when any file is another one."""
    files: tuple[File, ...]


class Source(Protocol):
    label: str
    """What it is called in sentences."""
    host: str

    def listing(self) -> Listing:
        """All files. Raises HTTPError, one of web.FAULTS, or LauncherError."""
        ...

    def open(self, file: File, extra: Mapping[str, str]) -> HTTPResponse:
        """Raises HTTPError or one of web.FAULTS."""
        ...

    def refusal(self, error: urllib.error.HTTPError) -> LauncherError | None:
        """Why that answer won't change; None when it may, so that asking again makes sense."""
        ...


def ignored(names: Collection[str]) -> tuple[str, ...]:
    """Patterns of files that need not come along; weights in one form only."""
    tensors = [name for name in names if name.endswith(".safetensors")]
    twice: tuple[str, ...] = ("*.bin",) if tensors else ()
    if any(not _matches(name, ("consolidated*",)) for name in tensors):
        twice += ("consolidated*.safetensors",)
    return IGNORED + twice


def needed(files: Iterable[File]) -> list[File]:
    found = [file for file in files if safe(file.name)]
    left_out = ignored([file.name for file in found])
    return [
        file
        for file in found
        if not _matches(file.name, left_out) and not gate.unfinished([file.name])
    ]


def clash(names: Collection[str]) -> str:
    """A file that other names take for a folder, as a bucket may have it; empty when none is."""
    folders = {str(place) for name in names for place in PurePosixPath(name).parents}
    return min({*names} & folders, default="")


def safe(name: str) -> bool:
    """Whether it stays below the folder, and out of what the launcher keeps there."""
    parts = name.split("/")
    plain = all(part not in ("", ".", "..") and "\\" not in part for part in parts)
    return plain and name.isprintable() and not parts[0].startswith((".ready.", ".fetch."))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(map(PurePosixPath(name).match, patterns))
