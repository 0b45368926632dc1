"""What this process and a worker say to each other: JSON, its length in four bytes before it."""

from __future__ import annotations

import asyncio
from typing import Any, BinaryIO

import orjson

HEAD = 4


def packed(value: Any) -> bytes:
    data = orjson.dumps(value)
    return len(data).to_bytes(HEAD) + data


def read(stream: BinaryIO) -> Any:
    """The next value; None at the end."""
    head = stream.read(HEAD)
    return orjson.loads(stream.read(int.from_bytes(head))) if len(head) == HEAD else None


async def receive(stream: asyncio.StreamReader) -> Any:
    """Raises asyncio.IncompleteReadError at the end."""
    length = int.from_bytes(await stream.readexactly(HEAD))
    return orjson.loads(await stream.readexactly(length))
