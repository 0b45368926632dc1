"""How a stream may end."""

from __future__ import annotations

import pytest

from adapter.errors import UpstreamBroken, UpstreamSilent
from tests.support.recordings import recording
from tests.unit.translate.streamed import (
    DONE,
    FAILED,
    FINISH,
    LAST_KEYS,
    NOW,
    ROLE,
    USAGE,
    piece,
    replies,
    said,
    translated,
)


def test_a_stream_is_done_only_if_its_end_was_heard_wherever_it_is_cut():
    events = recording("chat_stream_usage").events
    wire = b"".join(events)
    known = wire.rindex(b"\n\ndata: [DONE]")  # finish_reason and counts have been told
    wrong = []
    for i in range(len(wire) + 1):
        out, translator = translated([wire[:i]])
        parsed = replies(out) if out else []
        assert sum(reply["done"] for reply in parsed) == translator.done
        if translator.done != (i >= known):
            wrong.append((i, wire[max(0, i - 20) : i], translator.fault))
    assert wrong == []


def test_a_fault_tells_how_the_bytes_ended_wherever_they_did():
    wire = b"".join(recording("chat_stream_usage").events)
    known = wire.rindex(b"\n\ndata: [DONE]")
    wrong = []
    for i in range(known):
        _, translator = translated([wire[:i]], broken=UpstreamSilent("the engine was silent"))
        told = (translator.fault.message, translator.fault.status)
        if told != (FAILED + "the engine was silent", 504):
            wrong.append((i, wire[max(0, i - 20) : i], told))
    assert wrong == []


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([], "unexpected EOF"),
        ([ROLE], "unexpected EOF"),
        ([ROLE, piece("a")], "unexpected EOF"),
        ([ROLE, piece("a"), DONE], "unexpected EOF"),
        ([ROLE, piece("a"), USAGE, DONE], "unexpected EOF"),
        ([ROLE, piece("a"), FINISH], "unexpected EOF"),
        ([DONE], "unexpected EOF"),
        (
            [ROLE, piece("a"), b"data: {broken\n\n", FINISH, USAGE, DONE],
            "the engine sent a malformed event",
        ),
        (
            [ROLE, piece("a"), b"data: []\n\n", FINISH, USAGE, DONE],
            "the engine sent a malformed event",
        ),
        ([ROLE, b'data: {"error":{"message":"boom","code":503}}\n\n', DONE], "boom"),
        ([ROLE, b'data: {"error":"boom"}\n\n'], "boom"),
        (
            [piece("a"), FINISH.replace(b"stop", b"abort", 1), USAGE, DONE],
            "the engine aborted the request",
        ),
        (
            [piece("a"), FINISH.replace(b"stop", b"error", 1), USAGE, DONE],
            "the engine aborted the request",
        ),
    ],
)
def test_a_stream_that_broke_never_looks_finished(events: list[bytes], message: str):
    for reads in (events, [b"".join(events)]):
        out, translator = translated(reads)
        assert translator.fault is not None
        assert translator.fault.message == FAILED + message
        assert not any(reply["done"] for reply in replies(out)) if out else True


def test_the_status_of_a_fault_is_the_engines():
    _, translator = translated([b'data: {"error":{"message":"boom","code":503}}\n\n'])
    assert translator.fault.status == 503
    _, translator = translated([piece("a")], broken=UpstreamBroken("the engine broke off"))
    assert (translator.fault.status, translator.fault.outcome) == (502, "upstream_fault")


@pytest.mark.parametrize(
    "events",
    [
        [piece("a"), FINISH, USAGE, DONE],
        [piece("a"), FINISH, USAGE],
        [piece("a"), FINISH, DONE],
        [piece("a"), FINISH, USAGE, DONE.rstrip()],
        [piece("a"), FINISH, USAGE.rstrip()],
    ],
)
def test_a_stream_that_told_its_end_is_done_once(events: list[bytes]):
    for reads in (events, [b"".join(events)]):
        out, translator = translated(reads)
        assert [reply["done"] for reply in replies(out)] == [False, True]
        assert translator.finish(NOW) == b""


def test_a_broken_connection_after_the_end_does_no_harm():
    out, _ = translated([piece("a"), FINISH, USAGE], broken=UpstreamBroken("gone"))
    assert replies(out)[-1]["done"] is True


def test_what_follows_the_end_is_not_read():
    out, _ = translated(
        [piece("a") + FINISH + USAGE + DONE + piece("b") + b'data: {"error":"x"}\n\n']
    )
    assert said(replies(out)) == "a"


def test_counts_that_the_engine_kept_back_are_zero_and_there():
    last = replies(translated([piece("a"), FINISH, DONE])[0])[-1]
    assert list(last) == LAST_KEYS
    assert (last["prompt_eval_count"], last["eval_count"]) == (0, 0)


@pytest.mark.parametrize(
    ("reason", "told"),
    [("stop", "stop"), ("length", "length"), ("tool_calls", "stop"), ("repetition", "stop")],
)
def test_done_reasons(reason: str, told: str):
    end = FINISH.replace(b'"stop"', f'"{reason}"'.encode(), 1)
    assert replies(translated([piece("a"), end, USAGE, DONE])[0])[-1]["done_reason"] == told
