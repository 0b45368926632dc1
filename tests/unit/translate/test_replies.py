from __future__ import annotations

import json

import pytest
from hypothesis import given

from adapter.translate.replies import CHAT, GENERATE, LineWriter, WholeWriter, closing_reply
from tests.unit.strategies import TEXTS

STAMP = b"2026-11-21T02:18:46.000000000Z"
AT = STAMP.decode()


@pytest.mark.parametrize(
    ("shape", "line"),
    [
        (
            CHAT,
            b'{"model":"m","created_at":"2026-11-21T02:18:46.000000000Z",'
            b'"message":{"role":"assistant","content":"hi \\"you\\""},"done":false}\n',
        ),
        (
            GENERATE,
            b'{"model":"m","created_at":"2026-11-21T02:18:46.000000000Z",'
            b'"response":"hi \\"you\\"","done":false}\n',
        ),
    ],
)
def test_a_line_of_text(shape, line):
    assert LineWriter(shape, "m").text('hi "you"', STAMP) == line


@pytest.mark.parametrize(
    ("shape", "line"),
    [
        (
            CHAT,
            b'{"model":"m","created_at":"2026-11-21T02:18:46.000000000Z",'
            b'"message":{"role":"assistant","content":"","thinking":"hm"},"done":false}\n',
        ),
        (
            GENERATE,
            b'{"model":"m","created_at":"2026-11-21T02:18:46.000000000Z",'
            b'"response":"","thinking":"hm","done":false}\n',
        ),
    ],
)
def test_a_line_of_thinking(shape, line):
    assert LineWriter(shape, "m").thinking("hm", STAMP) == line


@pytest.mark.parametrize(
    ("shape", "line"),
    [
        (
            CHAT,
            b'{"model":"m","created_at":"2026-11-21T02:18:46.000000000Z",'
            b'"message":{"role":"assistant","content":""},"done":true,"done_reason":"length",'
            b'"eval_count":3}\n',
        ),
        (
            GENERATE,
            b'{"model":"m","created_at":"2026-11-21T02:18:46.000000000Z",'
            b'"response":"","done":true,"done_reason":"length","eval_count":3}\n',
        ),
    ],
)
def test_the_last_line(shape, line):
    assert LineWriter(shape, "m").last("length", {"eval_count": 3}, STAMP) == line


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        (
            CHAT,
            b'{"model":"m","created_at":"2026-11-21T02:18:46.000000000Z","message":'
            b'{"role":"assistant","content":"one","thinking":"hm"},"done":true,'
            b'"done_reason":"stop","eval_count":3}',
        ),
        (
            GENERATE,
            b'{"model":"m","created_at":"2026-11-21T02:18:46.000000000Z","response":"one",'
            b'"thinking":"hm","done":true,"done_reason":"stop","eval_count":3}',
        ),
    ],
)
def test_a_whole_reply(shape, body):
    writer = WholeWriter(shape, "m")
    assert writer.thinking("h", STAMP) + writer.thinking("m", STAMP) == b""
    assert writer.text("o", STAMP) + writer.text("ne", STAMP) == b""
    assert writer.last("stop", {"eval_count": 3}, STAMP) == body


def test_a_reply_without_thinking_has_no_such_key():
    assert "thinking" not in closing_reply(GENERATE, "m", AT, "stop", "x")
    assert "thinking" not in closing_reply(CHAT, "m", AT, "stop", "x")["message"]


def test_load_and_unload_answers_are_a_closing_reply_without_metrics():
    assert closing_reply(CHAT, "m", AT, "load") == {
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
    first = next(iter(shape.fields("", "")))
    for line in (writer.text(text, STAMP), writer.thinking(text, STAMP)):
        assert len(line.decode().splitlines()) == 1
        reply = json.loads(line)
        assert list(reply)[:3] == ["model", "created_at", first]
        assert (reply["model"], reply["created_at"], reply["done"]) == (model, AT, False)
        said = reply.get("message", reply)
        assert said.get("thinking") in (None, text)
        assert said.get("content", said.get("response")) == ("" if "thinking" in said else text)
