from __future__ import annotations

import orjson
import pytest

from tests.load import script
from tests.load.answers import dechunked
from tests.load.script import BURST, LOCK, PIECES, Order
from tests.support.recordings import recording


def events(stream: bytes) -> list[bytes]:
    return dechunked(stream).split(b"\n\n")


def test_an_order_stands_in_the_prompt_in_any_body():
    order = Order(17, 200, LOCK)
    body = orjson.dumps({"messages": [{"role": "user", "content": order.prompt()}], "n": 1})
    assert script.read_order(body) == order


def test_a_body_without_an_order():
    assert script.read_order(b'{"messages":[]}') is None


def test_a_stream_of_the_recorded_length_has_the_recorded_bytes_but_for_the_text():
    said = PIECES[:6]
    replayed = dechunked(script.everything(6))
    for piece in said:
        replayed = replayed.replace(b'"content":' + orjson.dumps(piece), b'"content":"\\n"', 1)
    assert replayed == b"".join(recording("chat_stream_usage").events)


@pytest.mark.parametrize("interval", [1, 2, 16])
@pytest.mark.parametrize("tokens", [1, 2, 17, 20])
def test_the_same_text_in_however_many_events(tokens: int, interval: int):
    *chunks, done, rest = events(script.everything(tokens, interval))
    assert (done, rest) == (b"data: [DONE]", b"")
    rows = [orjson.loads(chunk.removeprefix(b"data: ")) for chunk in chunks]
    deltas = [row["choices"][0]["delta"]["content"] for row in rows[:-1]]
    assert "".join(deltas) == script.text(tokens)
    assert len(deltas) == 2 + -(-(tokens - 1) // interval)  # the role's and the first token's
    assert rows[-1]["usage"]["completion_tokens"] == tokens


def test_the_ending_follows_the_tokens_before_it():
    singly = b"".join((script.ROLE_CHUNK, *script.TOKEN_CHUNKS[:4], script.ending(5)))
    assert singly == script.everything(5)


def test_a_whole_answer_is_the_recorded_one_but_for_text_and_counts():
    answer, recorded = (
        orjson.loads(script.whole(20)),
        orjson.loads(recording("chat_nonstream").body),
    )
    assert answer["choices"][0]["message"].pop("content") == script.text(20)
    assert answer.pop("usage")["completion_tokens"] == 20
    del recorded["usage"], recorded["choices"][0]["message"]["content"]
    assert answer == recorded


def test_the_heads():
    assert script.STREAM_HEAD.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
    assert b"\r\ntransfer-encoding: chunked\r\n" in script.STREAM_HEAD
    assert b"\r\ncontent-length: 3\r\n" in script.with_length(b"abc")


def test_the_text_has_what_is_hard():
    text = script.text(len(PIECES))
    assert {"\n", '"', "\\"} <= set(text)
    assert not text.isascii()


def test_a_digest_is_that_of_the_text():
    assert script.digest_of(script.text(9)) == script.digest(9) != script.digest(8)


def test_burst_is_no_number():
    assert not BURST.isdecimal()
