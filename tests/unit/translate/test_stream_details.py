"""Logprobs, thinking that nobody wants, token ids, what an answer rests on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.translate.replies import CHAT, GENERATE, LineWriter, WholeWriter
from tests.support.recordings import recording
from tests.unit.strategies import cuts
from tests.unit.translate.streamed import (
    DONE,
    FINISH,
    MODEL,
    ROLE,
    USAGE,
    event,
    piece,
    replies,
    said,
    translated,
)

# --- logprobs -------------------------------------------------------------------------------


def row(token: str, *top: str) -> dict[str, Any]:
    def bare(text: str) -> dict[str, Any]:
        return {"token": text, "logprob": -1.5, "bytes": list(text.encode())}

    return bare(token) | {"top_logprobs": [bare(text) for text in top]}


def told(text: str, *tokens: str, key: str = "content") -> bytes:
    """An event whose text has logprobs."""
    delta = {key: text} if text else {}
    rows = {"content": [row(token, token, "x", "y") for token in tokens]}
    return event([{"index": 0, "delta": delta, "logprobs": rows, "finish_reason": None}])


def tokens_of(parsed: list[dict[str, Any]]) -> list[list[str]]:
    return [[found["token"] for found in line.get("logprobs", ())] for line in parsed]


def test_the_recorded_logprobs_line_by_line():
    out, _ = translated(recording("chat_logprobs_stream").events, top_logprobs=1)
    first, *_, last = replies(out)
    assert first["logprobs"] == [
        {
            "token": "\n",
            "logprob": -6.687811851501465,
            "bytes": [10],
            "top_logprobs": [{"token": "\n", "logprob": -6.687811851501465, "bytes": [10]}],
        }
    ]
    assert list(first)[-2:] == ["done", "logprobs"]
    assert "logprobs" not in last
    bare = replies(translated(recording("chat_logprobs_stream").events)[0])
    assert list(bare[0]["logprobs"][0]) == ["token", "logprob", "bytes"]


def test_logprobs_of_tokens_without_text_come_with_the_next_text():
    events = [ROLE, told("", "\xe4"), told("", "\xb8"), told("中", "\xad"), told("a", "a")]
    parsed = replies(translated([*events, told("", "</s>"), FINISH, USAGE, DONE])[0])
    assert [line["message"]["content"] for line in parsed] == ["中", "a", ""]
    assert tokens_of(parsed) == [["\xe4", "\xb8", "\xad"], ["a"], ["</s>"]]


def test_logprobs_of_tokens_without_text_do_not_wait_past_a_thought():
    events = [ROLE, told("", "<think>"), told("hm", "hm", key="reasoning"), told("a", "a")]
    parsed = replies(translated([*events, FINISH, USAGE, DONE])[0])
    assert tokens_of(parsed) == [["<think>", "hm"], ["a"], []]


def test_logprobs_of_text_that_is_held_back_come_when_it_is_shown():
    held = [told("one E", "one", " E"), told("N", "N"), told("x", "x"), told(" END", " END")]
    out, _ = translated([ROLE, *held, told("never", "never")], own_stops=("END",))
    parsed = replies(out)
    assert [line["message"]["content"] for line in parsed] == ["one ", "ENx", " ", ""]
    assert tokens_of(parsed) == [["one", " E"], ["N", "x"], [" END"], []]


@given(st.data(), st.lists(st.text("aEN<", min_size=1, max_size=3), max_size=6))
def test_no_logprob_is_lost_whatever_is_held_back(data, texts: list[str]):
    wire = b"".join([ROLE, *(told(text, *text) for text in texts), FINISH, USAGE, DONE])
    reads = data.draw(cuts(wire))
    expected = list("".join(texts))
    for kind in (LineWriter, WholeWriter):
        out, translator = translated(reads, kind(CHAT, MODEL), own_stops=("END", "<<"))
        parsed = [json.loads(line) for line in out.splitlines()]
        found = [token for line in tokens_of(parsed) for token in line]
        assert found == (expected[: len(found)] if translator.left_early else expected)


# --- thinking that nobody wants -------------------------------------------------------------


@pytest.mark.parametrize("kind", [LineWriter, WholeWriter])
def test_thinking_is_not_shown_to_who_switched_it_off(kind):
    events = recording("q3_reason_end_stream").events
    shown = translated(events, kind(CHAT, MODEL))[0]
    assert b'"thinking"' in shown
    out, _ = translated(events, kind(CHAT, MODEL), hides_thinking=True)
    assert b"thinking" not in out
    texts = [said([json.loads(line) for line in found.splitlines()]) for found in (shown, out)]
    assert texts[0] == texts[1]
    assert json.loads(out.splitlines()[-1])["eval_count"] == 30


# --- token ids ------------------------------------------------------------------------------


def test_the_recorded_token_ids_are_the_context():
    out, _ = translated(
        recording("chat_return_token_ids_stream").events, LineWriter(GENERATE, MODEL)
    )
    *lines, last = [json.loads(line) for line in out.splitlines()]
    prompt = [1, 543, 262, 74, 1206, 81, 2030, 2, 1, 1557, 339, 869, 201]
    assert last["context"] == prompt + 6 * [201]
    assert not any("context" in line for line in lines)
    assert list(last)[:6] == [
        "model",
        "created_at",
        "response",
        "done",
        "done_reason",
        "context",
    ]
    chat = translated(recording("chat_return_token_ids_stream").events)[0]
    assert b"context" not in chat


def test_ids_of_tokens_without_text_count_too():
    def tokens(text: str, ids: list[int], **more: Any) -> bytes:
        choice = {"index": 0, "text": text, "token_ids": ids, "finish_reason": None}
        return event([choice | more])

    events = [
        tokens("a", [7], prompt_token_ids=[1, 2]),
        tokens("", [8, 9]),
        tokens("", [10], finish_reason="stop"),
    ]
    for kind in (LineWriter, WholeWriter):
        out, _ = translated([*events, USAGE, DONE], kind(GENERATE, MODEL))
        last = json.loads(out.splitlines()[-1])
        assert last["context"] == [1, 2, 7, 8, 9, 10]


def test_without_ids_there_is_no_context():
    out, _ = translated(recording("compl_stream_usage").events, LineWriter(GENERATE, MODEL))
    assert b"context" not in out


# --- what an answer rests on ----------------------------------------------------------------

SOURCES = [{"id": 1, "file": "a.md", "quote": "one\u2028two"}]


def grounded(event: bytes, **fields: Any) -> bytes:
    """The event with fields that OpenAI's have not."""
    return b"data: " + json.dumps(json.loads(event[6:]) | fields).encode() + b"\n\n"


def test_sources_are_in_the_last_line():
    finish = grounded(FINISH, sources=SOURCES, citations=[], unknown=[1])
    wire = b"".join([ROLE, piece("Hi"), piece(" all"), finish, USAGE, DONE])
    for at in range(len(wire)):
        *lines, last = replies(translated([wire[:at], wire[at:]])[0])
        assert said(lines) == "Hi all"
        assert last["sources"] == SOURCES
        assert list(last)[-1] == "sources"
        assert not {"citations", "unknown"} & {*last}
        assert not any("sources" in line for line in lines)


def test_sources_in_every_event():
    events = [grounded(one, citations=["http://a"]) for one in (ROLE, piece("Hi"), piece("!"))]
    *lines, last = replies(translated([*events, FINISH, USAGE, DONE])[0])
    assert said(lines) == "Hi!"
    assert last["citations"] == ["http://a"]


def test_what_is_told_in_several_events_is_kept():
    events = [grounded(ROLE, sources=SOURCES), piece("Hi"), grounded(FINISH, citations=["a"])]
    last = replies(translated([*events, USAGE, DONE])[0])[-1]
    assert (last["sources"], last["citations"]) == (SOURCES, ["a"])


@pytest.mark.parametrize("shape", [CHAT, GENERATE])
def test_sources_of_a_whole_answer(shape: Any):
    finish = grounded(FINISH, sources=SOURCES)
    out, _ = translated([ROLE, piece("Hi"), finish, USAGE, DONE], WholeWriter(shape, MODEL))
    assert json.loads(out)["sources"] == SOURCES
