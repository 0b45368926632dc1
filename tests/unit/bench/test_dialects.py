from __future__ import annotations

import orjson
import pytest

from adapter.bench.dialects import OLLAMA, OPENAI, Piece, Question
from tests.support.recordings import recording

QUESTION = Question("m", 7, 50)


def test_what_ollama_is_asked():
    body = orjson.loads(OLLAMA.body(QUESTION))
    assert body.pop("messages")[0]["content"].startswith("7. ")
    assert body == {"model": "m", "stream": True, "options": {"num_predict": 50}}


def test_what_openai_is_asked():
    body = orjson.loads(OPENAI.body(QUESTION))
    assert body.pop("messages")[0]["content"].startswith("7. ")
    assert body == {
        "model": "m",
        "stream": True,
        "max_tokens": 50,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(
    ("line", "piece"),
    [
        (b'{"message":{"role":"assistant","content":"a"},"done":false}', Piece(text=True)),
        (b'{"message":{"content":"","thinking":"hm"},"done":false}', Piece(text=True)),
        (b'{"message":{"content":""},"done":false}', Piece()),
        (b'{"message":{"content":""},"done":true,"eval_count":9}', Piece(tokens=9, over=True)),
        (b'{"error":"the engine died"}', Piece(error="the engine died")),
        (b"", Piece()),
    ],
)
def test_a_line_of_ollama(line: bytes, piece: Piece):
    assert OLLAMA.read(line) == piece


def test_a_recorded_stream_of_vllm():
    lines = recording("chat_stream_usage").body.split(b"\n")
    pieces = [OPENAI.read(line) for line in lines]
    told = orjson.loads(recording("chat_stream_usage").events[-2][6:])["usage"]
    assert [piece.tokens for piece in pieces if piece.tokens is not None] == [
        told["completion_tokens"]
    ]
    assert sum(piece.text for piece in pieces) == told["completion_tokens"]
    assert [piece.over for piece in pieces].count(True) == 1


def test_an_error_in_the_stream():
    lines = recording("stream_engine_killed").body.split(b"\n")
    assert any(OPENAI.read(line).error for line in lines)


@pytest.mark.parametrize("line", [b"<html>", b"[]", b"{}", b"1"])
def test_what_is_no_line(line: bytes):
    for dialect, given in ((OLLAMA, line), (OPENAI, b"data: " + line)):
        with pytest.raises((ValueError, TypeError, LookupError, AttributeError)):
            dialect.read(given)
