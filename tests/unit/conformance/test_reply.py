from __future__ import annotations

import pytest

from adapter.conformance.reply import Reply, Unreadable, parsed


def test_the_body_is_its_chunks():
    reply = Reply(200, {}, [b'{"a":', b"1}"])
    assert reply.body == b'{"a":1}'
    assert reply.text == '{"a":1}'
    assert reply.json == {"a": 1}
    assert reply.ended


def test_bytes_that_are_no_utf_8_can_be_shown():
    assert Reply(200, {}, [b"a\xff"]).text == "a�"


@pytest.mark.parametrize("body", [b"", b"{", b"404 page not found", b'{"a":1} x', b"\xff", b"NaN"])
def test_what_is_no_json_says_so(body: bytes):
    with pytest.raises(Unreadable, match="no JSON"):
        _ = Reply(200, {}, [body]).json


def test_long_texts_are_cut():
    with pytest.raises(Unreadable) as raised:
        parsed("x" * 1000)
    assert len(str(raised.value)) < 200
