"""Ollama's bare base64 → content parts, with the kind of data found by its first bytes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

SNIFFED = 64
"""Characters of base64 that hold every magic number below."""

# (offset, bytes, what it is); RIFF and ISO containers tell their content after a length.
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypmif1", "image/heif"),
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mp3"),
    (0, b"\xff\xfb", "audio/mp3"),
    (0, b"\xff\xf3", "audio/mp3"),
    (0, b"\xff\xf2", "audio/mp3"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
)
_UNKNOWN = "image/png"
"""What data is called that nobody knows: the engine looks at the data itself."""


def content(text: str, images: Sequence[str]) -> str | list[dict[str, Any]]:
    """A message's content: the text alone, or parts, images first as in Ollama's prompts."""
    parts = [_part(image) for image in images if image]
    if not parts:
        return text
    return [*parts, {"type": "text", "text": text}] if text else parts


def _part(data: str) -> dict[str, Any]:
    media = media_type(base64.b64decode(data[:SNIFFED]))
    kind, _, subtype = media.partition("/")
    if kind == "audio":
        return {"type": "input_audio", "input_audio": {"data": data, "format": subtype}}
    return {"type": "image_url", "image_url": {"url": f"data:{media};base64,{data}"}}


def media_type(beginning: bytes) -> str:
    """The MIME type that the first bytes tell."""
    for offset, magic, name in _MAGIC:
        if beginning.startswith(magic, offset):
            return name
    return _UNKNOWN
