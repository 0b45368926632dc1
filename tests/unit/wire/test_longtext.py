from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.wire import longtext
from adapter.wire.longtext import LONG, take_out
from tests.unit.strategies import TEXTS, WRITABLE

A = "a" * LONG

VALUES: dict[str, Any] = {
    "short": {"a": "b"},
    "no string": [1, 2],
    "one": A,
    "a picture": {"messages": [{"role": "user", "images": [A + "b", A + "c"], "content": "x"}]},
    "behind a quote": '"' + A,
    "before a quote": A + '"' + A,
    "before a backslash": A + "\\" + A,
    "before a backslash and a quote": A + '\\"' + A,
    "line ends": "line\n" * LONG,
    "nothing but escapes": "\n" * 2**20,
    "very long": "äпр語🙂 \\n \n" * 2**16,
    "other alphabets": "äпр語🙂" * LONG,
    "a key": {A: A, "a": A},
    "numbers": {"context": list(range(LONG)), "prompt": A},
    "blanks": [" " * LONG, "\t" * LONG],
    "what looks like a mark": "<0:0>" * LONG,
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_the_value_is_the_same(value: Any, kind: type[bytes | bytearray]):
    assert longtext.loads(kind(orjson.dumps(value))) == value


@given(st.lists(st.one_of(WRITABLE, TEXTS.map(lambda text: text * 300)), max_size=4))
def test_any_value(value: Any):
    assert longtext.loads(orjson.dumps(value)) == value


def test_escapes_of_any_kind():
    body = b'["%b"]' % (rb"\u4e2d\ud83d\ude42\"\\\/\n" * LONG)
    assert longtext.loads(body) == ['中🙂"\\/\n' * LONG]


BROKEN = {
    "long and not closed": b'["' + b"a" * LONG,
    "long, outside of a string": b'{"a":' + b"a" * LONG + b',"b":1}',
    "long numbers in the place of a name": b'{"a":1,' + b"1" * LONG + b'"b":1}',
    "a control character": b'["' + b"\n" * LONG + b'"]',
    "no UTF-8": b'["' + b"\xff" * LONG + b'"]',
    "half a pair": b'["' + b"a" * LONG + rb"\ud83d" + b'"]',
    "no such escape": b'["' + b"a" * LONG + rb"\x" + b'"]',
    "more behind it": b'["' + b"a" * LONG + b'"] x',
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_what_is_no_json_is_none(body: bytes):
    with pytest.raises(orjson.JSONDecodeError) as whole:
        orjson.loads(body)
    with pytest.raises(orjson.JSONDecodeError) as stepwise:
        longtext.loads(body)
    assert str(stepwise.value) == str(whole.value)


def test_no_step_is_longer_than_the_longest_text():
    """What the parser is given at once are the texts, one by one, and what is left without them."""
    taken = take_out(orjson.dumps({"images": ["a" * 100_000] * 50, "content": "x" * 200}))
    assert [len(text) for text in taken.texts] == [100_000] * 50
    assert len(taken.rest) < 50 * 100


@pytest.mark.parametrize("text", ["a" * 5_000_000, "line\n" * 999_999, "äпр語🙂" * 400_000])
def test_the_longest_texts_take_several_steps(text: str):
    taken = take_out(orjson.dumps({"prompt": text}))
    assert "".join(taken.texts) == text
    assert max(len(part.encode()) for part in taken.texts) < 2**20


def test_nothing_is_taken_out_of_small_bodies():
    body = b'{"a":"b"}'
    assert take_out(body).rest is body
