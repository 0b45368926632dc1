"""Facts of a model whose files this machine has: config.json and the weights' headers.

They lie in a folder that the engine names, or in the cache of the hub whose id it names.
"""

from __future__ import annotations

import re
from math import prod
from pathlib import Path
from typing import Any

import orjson

from adapter.translate.models import Card
from adapter.translate.timestamps import rfc3339
from adapter.translate.untold import UNKNOWN

_SIZE_IN_NAME = re.compile(r"(?<![a-z0-9])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", re.IGNORECASE)
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_HEADER_LIMIT = 100 * 2**20
_LICENSES = ("LICENSE", "LICENSE.txt", "LICENSE.md")
_LICENSE_LIMIT = 64 * 2**10
_DTYPES = {"bfloat16": "BF16", "float16": "F16", "float32": "F32"}


def read_card(root: str, served_name: str, hub_cache: str = "") -> Card:
    """What the files say; of a model without files here, what its name says. Blocks on disk."""
    try:
        folder = _snapshot(root, hub_cache) or Path(root)
        return _card(folder) or _card_of_a_name(root, served_name)
    except OSError:  # not ours to read, a link that leads nowhere
        return _card_of_a_name(root, served_name)


def _snapshot(root: str, hub_cache: str) -> Path | None:
    """The newest files of a hub id in the hub's cache, laid out as `huggingface_hub` does."""
    if not hub_cache or not _HUB_ID.fullmatch(root):
        return None
    folders = Path(hub_cache).glob(f"models--{root.replace('/', '--')}/snapshots/*/config.json")
    newest = max(folders, key=lambda file: file.stat().st_mtime, default=None)
    return newest.parent if newest else None


def _card_of_a_name(root: str, served_name: str) -> Card:
    return Card(parameter_size=_size_in(root) or _size_in(served_name) or UNKNOWN)


def _card(folder: Path) -> Card | None:
    # A relative path is relative to the engine, not to us.
    if not folder.is_absolute() or not (folder / "config.json").is_file():
        return None
    config = _json(folder / "config.json")
    text = config.get("text_config")
    text = text if isinstance(text, dict) else config
    weights = sorted(folder.glob("*.safetensors"))
    # Quantized weights are packed: their headers count words, not parameters.
    packed = "quantization_config" in config
    files = [file.stat() for file in (folder / "config.json", *weights)]
    count = None if packed else sum(map(_parameters, weights)) or None
    return Card(
        family=str(config.get("model_type") or UNKNOWN),
        parameter_count=count,
        parameter_size=_spelled(count) if count else _size_in(folder.name) or UNKNOWN,
        quantization=_quantization(config),
        size=sum(file.st_size for file in files[1:]),
        embedding_length=_integer(text.get("hidden_size")),
        block_count=_integer(text.get("num_hidden_layers")),
        license=_license(folder),
        # Not when this process saw it first: other processes would tell another date.
        modified_at=rfc3339(max(file.st_mtime_ns for file in files)),
    )


def _license(folder: Path) -> str:
    for name in _LICENSES:
        if (folder / name).is_file():
            with (folder / name).open("rb") as stream:
                return stream.read(_LICENSE_LIMIT).decode("utf-8", "replace").strip()
    return ""


def _size_in(name: str) -> str | None:
    match = _SIZE_IN_NAME.search(name)
    return f"{match[1]}{match[2].upper()}" if match else None


def _json(file: Path) -> dict[str, Any]:
    try:
        value = orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return value if isinstance(value, dict) else {}


def _parameters(file: Path) -> int:
    """How many numbers a safetensors file holds, by its header."""
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = orjson.loads(stream.read(length)) if length < _HEADER_LIMIT else {}
        return sum(prod(row["shape"]) for name, row in header.items() if name != "__metadata__")
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return 0


def _spelled(count: int) -> str:
    """As Ollama spells it: 494.03M, 7.6B."""
    for unit, size, digits in (("B", 10**9, 1), ("M", 10**6, 2), ("K", 10**3, 2)):
        if count >= size:
            return f"{count / size:.{digits}f}{unit}"
    return str(count)


def _quantization(config: dict[str, Any]) -> str:
    quantization = config.get("quantization_config")
    if isinstance(quantization, dict) and quantization.get("quant_method"):
        return str(quantization["quant_method"]).upper()
    dtype = str(config.get("dtype") or config.get("torch_dtype") or UNKNOWN)
    return _DTYPES.get(dtype, dtype)


def _integer(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None
