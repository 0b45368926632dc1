from __future__ import annotations

import asyncio
import io

import pytest
from services.ingest.frames import packed, read, receive


def test_one_after_another():
    stream = io.BytesIO(packed({"a": "é"}) + packed([1]))
    assert read(stream) == {"a": "é"}
    assert read(stream) == [1]
    assert read(stream) is None


async def test_received_as_sent():
    stream = asyncio.StreamReader()
    stream.feed_data(packed({"a": "b" * 2**17}))
    stream.feed_eof()
    assert await receive(stream) == {"a": "b" * 2**17}
    with pytest.raises(asyncio.IncompleteReadError):
        await receive(stream)
