"""Whether a folder is a whole model. Each fault is a sentence about it; none means that it is.

A file that is there is no proof: downloads that broke off leave some with their final names. What
can be known without a list of the source is in the files themselves: an index names the shards, and
a safetensors file's header says how long the file is.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from launcher.errors import CannotRun, TryAgain

TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "tekken.json",
    "tiktoken.model",
    "*.tiktoken",
    "spiece.model",
    "sentencepiece.bpe.model",
)
WEIGHTS = (".safetensors", ".bin")
INDEX = "*{}.index.json"
SHARD = re.compile(r"(.*-)(\d+)-of-(\d+)(\.\w+)")
LONGEST_HEADER = 100_000_000
"""Of a safetensors file, by its specification."""

WRITING = "is the name of a file that something is still writing"

# Names that tools give to files which they are still writing: an ending, or letters drawn at
# random. A word in lower case (.markdown) was not drawn.
UNFINISHED = re.compile(
    r"\.(tmp|part|partial|incomplete|download|crdownload|aria2)$"
    r"|\.(?![a-z]{8}$)[A-Za-z0-9]{8}$"
    r"|^\..+\.(?![a-z]{6}$)[A-Za-z0-9]{6}$"
)


def faults(folder: Path) -> list[str]:
    """Reads no more than names, sizes and headers."""
    names = files(folder)
    found = unfinished(names) + lacking(names)
    if "config.json" in names:
        found += _config(folder / "config.json")
    for index in sorted(folder.glob(INDEX.format(""))):
        found += [fault for fault in index_faults(index, names) if short(fault) not in found]
    for name in weights(names):
        found += _whole(folder / name)
    return found


def verdict(folder: Path, faults: Sequence[str], source: str) -> tuple[int, str]:
    """Exit code and sentence for a folder with these faults; `source` is hub, s3 or folder.

    Only what something may still be writing can be whole later. The rest stays as it is until
    somebody copies it again, or fetches it.
    """
    writing = next((fault for fault in faults if fault.endswith(WRITING)), "")
    again = "copy it again" if source == "folder" else "delete it and let `launcher fetch` run"
    if writing:
        return TryAgain.code, (
            f"a copy into {folder} is under way, or broke off: {writing}; if nothing does, {again}"
        )
    return CannotRun.code, f"{folder} is not a complete model: {faults[0]}; {again}"


def short(fault: str) -> str:
    return fault.partition(",")[0]


def lacking(names: Collection[str]) -> list[str]:
    """What can be told from the names alone, so before any file is fetched."""
    found = []
    if "config.json" not in names:
        found.append("it lacks config.json")
    if not any(fnmatch(name, pattern) for pattern in TOKENIZERS for name in names):
        found.append("it lacks a tokenizer file (tokenizer.json, tokenizer.model, ...)")
    shown = weights(names)
    if not shown:
        found.append("it lacks weights (*.safetensors)")
    return found + [f"it lacks {name}" for name in _gaps(shown)]


def weights(names: Collection[str]) -> list[str]:
    """The weight files beside config.json; safetensors alone when there are both kinds."""
    for suffix in WEIGHTS:
        if found := sorted(name for name in names if name.endswith(suffix) and "/" not in name):
            return found
    return []


def shards(index: Path) -> set[str]:
    """The files that an index names. Raises ValueError when it is none."""
    try:
        value = json.loads(index.read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        raise ValueError(str(error)) from error
    named = value.get("weight_map") if isinstance(value, dict) else None
    if not isinstance(named, dict) or not named:
        raise ValueError("no weight_map")
    return {str(name) for name in named.values()}


def index_faults(path: Path, names: Collection[str]) -> list[str]:
    """An index of the kind of weights that are not used says nothing."""
    used = weights(names)
    if used and not fnmatch(path.name, INDEX.format(Path(used[0]).suffix)):
        return []
    try:
        named = shards(path)
    except ValueError as error:
        return [f"{path.name} can't be read: {error}"]
    return [f"it lacks {name}, which {path.name} names" for name in sorted(named - {*names})]


def files(folder: Path) -> dict[str, int]:
    """Size of every file by its path below the folder, without what lies in hidden folders."""
    found = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(place, name)
            try:
                found[path.relative_to(folder).as_posix()] = path.stat().st_size
            except OSError:  # gone in the meantime, or a link to nothing
                continue
    return found


def unfinished(names: Collection[str]) -> list[str]:
    return [
        f"{name} {WRITING}" for name in sorted(names) if UNFINISHED.search(name.rpartition("/")[2])
    ]


def _config(path: Path) -> list[str]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [f"config.json can't be read: {error}"]
    return [] if isinstance(value, dict) else ["config.json is no JSON object"]


def _gaps(names: Collection[str]) -> Iterator[str]:
    """`model-00002-of-00003.safetensors`, when the others are there."""
    for prefix, width, count, suffix in sorted(
        {(m[1], len(m[2]), m[3], m[4]) for name in names if (m := SHARD.fullmatch(name))}
    ):
        for number in range(1, int(count) + 1 if len(count) < 6 else 0):
            name = f"{prefix}{number:0{width}}-of-{count}{suffix}"
            if name not in names:
                yield name


def _whole(path: Path) -> list[str]:
    try:
        if path.suffix == ".bin":
            return _pickle(path)
        return _safetensors(path)
    except OSError as error:
        return [f"{path.name} can't be read: {(error.strerror or str(error)).lower()}"]


def _pickle(path: Path) -> list[str]:
    """PyTorch's format is a zip archive, whose directory comes last."""
    with path.open("rb") as file:
        begin = file.read(4)
    if begin == b"PK\x03\x04" and not zipfile.is_zipfile(path):
        return [f"{path.name} is cut short: its directory is missing"]
    return [] if begin else [f"{path.name} is empty"]


def _safetensors(path: Path) -> list[str]:
    """8 bytes with the header's length, the header, the data that it describes, and no more."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size, LONGEST_HEADER):
            return [f"{path.name} is cut short or no safetensors file: {size} bytes"]
        header = file.read(length)
    try:
        ends = [
            tensor["data_offsets"][1]
            for name, tensor in json.loads(header).items()
            if name != "__metadata__"
        ]
        wanted = 8 + length + max(ends, default=0)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return [f"{path.name} has a header that can't be read"]
    if size != wanted:
        return [f"{path.name} has {size} bytes, its header wants {wanted}"]
    return []
