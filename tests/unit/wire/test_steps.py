from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.wire.steps import PIECE, merged, pieces
from tests.unit.strategies import TEXTS, WRITABLE

LONG = 'ä"\\\n🙂' * 300_000
MESSAGE = {"role": "user", "content": "hello"}

VALUES: dict[str, Any] = {
    "nothing": [None, {}, [], ""],
    "a text": LONG,
    "a picture among texts": {"messages": [MESSAGE, MESSAGE, {"images": [LONG, "x"]}, MESSAGE]},
    "many messages": {"model": "m", "messages": [MESSAGE] * 10_000, "stream": True},
    "vectors": [[0.1, 2, 3e300]] * 5_000,
    "a vector of other things": [1, "x", {"a": [None]}, LONG],
    "what is written already": {"a": [orjson.Fragment(b"[1,2]"), 3, orjson.Fragment(b"{}")]},
    "a key with signs": {'a"\\\n': {"b": LONG}},
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_the_bytes_are_the_same(value: Any):
    assert b"".join(pieces(value)) == orjson.dumps(value)


@given(st.lists(st.one_of(WRITABLE, TEXTS.map(lambda text: text * 300)), max_size=4))
def test_any_value(value: Any):
    assert b"".join(pieces(value)) == orjson.dumps(value)


@pytest.mark.parametrize("name", VALUES.keys() - {"a vector of other things"})
def test_no_piece_is_large(name: str):
    """A character takes six bytes at most, and what is short is much shorter than a piece."""
    assert all(len(piece) <= 8 * PIECE for piece in pieces(VALUES[name]))


def test_small_pieces_are_joined():
    assert list(merged([b"x"] * (2 * PIECE + 1))) == [b"x" * PIECE, b"x" * PIECE, b"x"]
    assert list(merged([])) == []


def test_what_has_no_json_is_refused():
    with pytest.raises(orjson.JSONEncodeError):
        pieces({"a": [object()]})
