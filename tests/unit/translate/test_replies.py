from __future__ import annotations

import json

import pytest
from hypothesis import given

from adapter.translate.replies import (
    CHAT,
    GENERATE,
    Closing,
    LineWriter,
    WholeWriter,
    closing_reply,
    line_writer,
)
from tests.unit.strategies import TEXTS

STAMP = b"2026-11-21T02:18:46.000000000Z"
AT = STAMP.decode()
HEAD = b'{"model":"m","created_at":"2026-11-21T02:18:46.000000000Z",'

CALLS = [{"id": "call_a", "function": {"index": 0, "name": "f", "arguments": {"b": 1, "a": 2}}}]
CALLS_WRITTEN = (
    b'"tool_calls":[{"id":"call_a","function":{"index":0,"name":"f","arguments":{"b":1,"a":2}}}]'
)
ROWS = [{"token": "hi", "logprob": -0.2, "bytes": [104, 105]}]
ROWS_WRITTEN = b'"logprobs":[{"token":"hi","logprob":-0.2,"bytes":[104,105]}]'
METRICS = {"total_duration": 9, "eval_count": 3}
FULL = Closing("stop", METRICS, CALLS, ROWS, [5, 6])


@pytest.mark.parametrize(
    ("shape", "line"),
    [
        (CHAT, b'"message":{"role":"assistant","content":"hi \\"you\\""},"done":false}\n'),
        (GENERATE, b'"response":"hi \\"you\\"","done":false}\n'),
    ],
)
def test_a_line_of_text(shape, line):
    assert LineWriter(shape, "m").text('hi "you"', STAMP) == HEAD + line


@pytest.mark.parametrize(
    ("shape", "line"),
    [
        (CHAT, b'"message":{"role":"assistant","content":"hi"},"done":false,'),
        (GENERATE, b'"response":"hi","done":false,'),
    ],
)
def test_a_line_of_text_with_logprobs(shape, line):
    written = LineWriter(shape, "m").text("hi", STAMP, ROWS)
    assert written == HEAD + line + ROWS_WRITTEN + b"}\n"


@pytest.mark.parametrize(
    ("shape", "line"),
    [
        (
            CHAT,
            b'"message":{"role":"assistant","content":"","thinking":"hm"},"done":false',
        ),
        (GENERATE, b'"response":"","thinking":"hm","done":false'),
    ],
)
def test_a_line_of_thinking(shape, line):
    writer = LineWriter(shape, "m")
    assert writer.thinking("hm", STAMP) == HEAD + line + b"}\n"
    assert writer.thinking("hm", STAMP, ROWS) == HEAD + line + b"," + ROWS_WRITTEN + b"}\n"


@pytest.mark.parametrize(
    ("shape", "line"),
    [
        (
            CHAT,
            b'"message":{"role":"assistant","content":""},"done":true,"done_reason":"length",'
            b'"eval_count":3}\n',
        ),
        (GENERATE, b'"response":"","done":true,"done_reason":"length","eval_count":3}\n'),
    ],
)
def test_the_last_line(shape, line):
    closing = Closing("length", {"eval_count": 3})
    assert LineWriter(shape, "m").last(closing, STAMP) == HEAD + line


@pytest.mark.parametrize(
    ("shape", "line"),
    [
        (
            CHAT,
            b'"message":{"role":"assistant","content":"",%b},"done":true,"done_reason":"stop",'
            b'%b,"total_duration":9,"eval_count":3}\n' % (CALLS_WRITTEN, ROWS_WRITTEN),
        ),
        (
            GENERATE,
            b'"response":"","done":true,"done_reason":"stop","context":[5,6],"total_duration":9,'
            b'"eval_count":3,%b,%b}\n' % (CALLS_WRITTEN, ROWS_WRITTEN),
        ),
    ],
)
def test_the_last_line_with_everything_in_ollamas_order(shape, line):
    assert LineWriter(shape, "m").last(FULL, STAMP) == HEAD + line


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        (
            CHAT,
            b'"message":{"role":"assistant","content":"one","thinking":"hm"},"done":true,'
            b'"done_reason":"stop","eval_count":3}',
        ),
        (
            GENERATE,
            b'"response":"one","thinking":"hm","done":true,"done_reason":"stop","eval_count":3}',
        ),
    ],
)
def test_a_whole_reply(shape, body):
    writer = WholeWriter(shape, "m")
    assert writer.thinking("h", STAMP) + writer.thinking("m", STAMP) == b""
    assert writer.text("o", STAMP) + writer.text("ne", STAMP) == b""
    assert writer.last(Closing("stop", {"eval_count": 3}), STAMP) == HEAD + body


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        (
            CHAT,
            b'"message":{"role":"assistant","content":"a","thinking":"t",%b},"done":true,'
            b'"done_reason":"stop",%b,"total_duration":9,"eval_count":3}',
        ),
        (
            GENERATE,
            b'"response":"a","thinking":"t","done":true,"done_reason":"stop","context":[5,6],'
            b'"total_duration":9,"eval_count":3,%b,%b}',
        ),
    ],
)
def test_a_whole_reply_with_everything_has_the_logprobs_of_all_of_it(shape, body):
    def row(token: str) -> list[dict[str, object]]:
        return [{"token": token, "logprob": -1.0, "bytes": [1]}]

    writer = WholeWriter(shape, "m")
    writer.thinking("t", STAMP, row("t"))
    writer.text("a", STAMP, row("a"))
    closing = Closing("stop", METRICS, CALLS, row("end"), [5, 6])
    rows = b",".join(
        b'{"token":"%b","logprob":-1.0,"bytes":[1]}' % token for token in (b"t", b"a", b"end")
    )
    expected = body % (CALLS_WRITTEN, b'"logprobs":[%b]' % rows)
    assert writer.last(closing, STAMP) == HEAD + expected


def test_what_is_empty_has_no_key():
    bare = Closing("stop")
    assert "thinking" not in closing_reply(GENERATE, "m", AT, bare, "x")
    chat = closing_reply(CHAT, "m", AT, bare, "x")
    assert list(chat["message"]) == ["role", "content"]
    assert list(chat)[-1] == "done_reason"


def test_load_and_unload_answers_are_a_closing_reply_without_metrics():
    assert closing_reply(CHAT, "m", AT, Closing("load")) == {
        "model": "m",
        "created_at": AT,
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "load",
    }


@pytest.mark.parametrize("shape", [CHAT, GENERATE])
@given(model=TEXTS, text=TEXTS)
def test_no_model_name_and_no_text_breaks_out_of_its_string(shape, model: str, text: str):
    writer = LineWriter(shape, model)
    first = next(iter(shape.answer("", "", ())))
    row = {"token": text, "logprob": -1.0, "bytes": [1]}
    for rows in ((), [row]):
        for line in (writer.text(text, STAMP, rows), writer.thinking(text, STAMP, rows)):
            assert len(line.decode().splitlines()) == 1
            reply = json.loads(line)
            assert list(reply)[:3] == ["model", "created_at", first]
            assert (reply["model"], reply["created_at"], reply["done"]) == (model, AT, False)
            assert reply.get("logprobs", []) == list(rows)
            said = reply.get("message", reply)
            assert said.get("thinking") in (None, text)
            assert said.get("content", said.get("response")) == ("" if "thinking" in said else text)


def test_a_writer_is_shared_unless_its_name_is_long():
    assert line_writer(CHAT, "m") is line_writer(CHAT, "m")
    long = "m" + " " * 1000
    assert line_writer(CHAT, long) is not line_writer(CHAT, long)
