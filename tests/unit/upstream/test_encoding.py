from __future__ import annotations

import threading
from typing import Any

import orjson
import pytest

from adapter.aside import LARGE
from adapter.upstream.encoding import encoded, is_large
from adapter.wire import steps

PICTURE = {"type": "image_url", "image_url": {"url": "x" * LARGE}}
BODIES: dict[str, tuple[dict[str, Any], bool]] = {
    "a chat": ({"messages": [{"role": "user", "content": "hi"}], "stream": True}, False),
    "nothing": ({}, False),
    "a long prompt": ({"prompt": "x" * LARGE}, True),
    "a long message": ({"messages": [{"role": "user", "content": "x" * LARGE}]}, True),
    "a picture": ({"messages": [{"role": "user", "content": [PICTURE]}]}, True),
    "many messages": ({"messages": [{"role": "user", "content": "hi"}] * LARGE}, True),
    "many tokens": ({"prompt": [1] * LARGE}, True),
    "a few tokens": ({"prompt": [1] * 100}, False),
    "many inputs": ({"input": ["some text"] * LARGE}, True),
}


@pytest.mark.parametrize(("body", "large"), BODIES.values(), ids=BODIES)
async def test_the_pieces_are_the_body(body: dict[str, Any], large: bool):
    assert is_large(body) == large
    pieces = await encoded(body)
    assert b"".join(pieces) == orjson.dumps(body)


@pytest.mark.parametrize("size", [None, 1, LARGE])
async def test_a_size_that_is_known_changes_nothing_in_what_is_sent(size: int | None):
    for body, _ in BODIES.values():
        assert b"".join(await encoded(body, size)) == orjson.dumps(body)


async def test_a_small_body_is_one_piece():
    assert await encoded({"prompt": "hi"}) == (b'{"prompt":"hi"}',)


@pytest.mark.parametrize(("size", "beside"), [(1, False), (LARGE, True)])
async def test_a_large_one_is_written_beside_the_loop(
    monkeypatch: pytest.MonkeyPatch, size: int, beside: bool
):
    threads = []
    whole, in_pieces = orjson.dumps, steps.pieces

    def seen(write: Any) -> Any:
        def writing(value: Any) -> Any:
            threads.append(threading.get_ident())
            return write(value)

        return writing

    monkeypatch.setattr("adapter.upstream.encoding.orjson.dumps", seen(whole))
    monkeypatch.setattr(steps, "pieces", seen(in_pieces))
    await encoded({"prompt": "x" * size})
    assert (threads[0] != threading.get_ident()) == beside
