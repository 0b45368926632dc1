"""Multipart forms, as sounds are sent in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp


@dataclass(frozen=True, slots=True)
class Form:
    """Fields of a multipart form: a text, or (bytes, file name, content type)."""

    fields: Sequence[tuple[str, str | tuple[bytes, str, str]]]

    async def encoded(self) -> tuple[str, bytes]:
        """The content type, with the boundary, and the body."""
        data = aiohttp.FormData(default_to_multipart=True)
        for name, value in self.fields:
            if isinstance(value, str):
                data.add_field(name, value)
            else:
                content, filename, content_type = value
                data.add_field(name, content, filename=filename, content_type=content_type)
        payload = data()
        return payload.headers["Content-Type"], await payload.as_bytes()
