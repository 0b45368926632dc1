"""The translator of streams: recorded and made-up streams, cut wherever a socket may cut them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.translate.replies import CHAT, GENERATE, LineWriter, WholeWriter
from adapter.translate.stream import Translator
from adapter.translate.timings import Marks
from tests.support.recordings import recording
from tests.unit.strategies import JSON, TEXTS, cuts
from tests.unit.translate.streamed import (
    DONE,
    FAILED,
    FINISH,
    LAST_KEYS,
    MODEL,
    NOW,
    ROLE,
    STARTED,
    USAGE,
    WALL,
    counted_piece,
    piece,
    replies,
    said,
    sent,
    translated,
)

# Recording → done_reason, or the end of the fault's text.
RECORDED = {
    "chat_stream": "length",
    "chat_stream_usage": "length",
    "chat_stream_usage_cont": "length",
    "chat_stream_interval": "length",
    "chat_eos_stream": "stop",
    "compl_stream_usage": "length",
    "q3_reason_stream": "length",
    "q3_reason_end_stream": "length",
    "q3_reason_off_stream": "length",
    "stream_keepalive": "unexpected EOF",
    "stream_abort": "the engine aborted the request",
    "stream_engine_killed": "EngineCore encountered an issue. See stack trace (above) for the root"
    " cause.",
    "stream_sigkill": "unexpected EOF",
}
FAULTS = {"stream_keepalive", "stream_abort", "stream_engine_killed", "stream_sigkill"}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_stream_is_the_same_whatever_the_cuts(name: str):
    events = recording(name).events
    wire = b"".join(events)
    out, translator = translated([wire])
    parsed = replies(out)
    assert said(parsed) == sent(wire, "content")
    assert said(parsed, "thinking") == sent(wire, "reasoning")
    if name in FAULTS:
        assert translator.fault is not None
        assert translator.fault.message == FAILED + RECORDED[name]
        assert not any(reply["done"] for reply in parsed)
    else:
        assert parsed[-1]["done_reason"] == RECORDED[name]
    assert translated(events)[0] == out
    assert translated([wire[i : i + 1] for i in range(len(wire))])[0] == out
    for size in (2, 3, 7, 64, 1000):
        assert translated([wire[i : i + size] for i in range(0, len(wire), size)])[0] == out
    for count in (2, 3, 5):
        several = [b"".join(events[i : i + count]) for i in range(0, len(events), count)]
        assert translated(several)[0] == out


@pytest.mark.parametrize(
    "name", ["chat_eos_stream", "chat_stream_usage", "compl_stream_usage", "stream_abort"]
)
def test_a_recorded_stream_in_two_reads_cut_at_every_byte(name: str):
    wire = b"".join(recording(name).events)
    out, _ = translated([wire])
    for i in range(len(wire)):
        assert translated([wire[:i], wire[i:]])[0] == out


def test_the_recorded_stream_with_counts_line_by_line():
    out, _ = translated(recording("chat_stream_usage").events)
    head = b'{"model":"Tiny:latest","created_at":"2026-11-21T02:18:48.000000000Z","message":'
    line = head + b'{"role":"assistant","content":"\\n"},"done":false}\n'
    assert out == 6 * line + (
        head + b'{"role":"assistant","content":""},"done":true,"done_reason":"length",'
        b'"total_duration":2000000000,"load_duration":1,"prompt_eval_count":13,'
        b'"prompt_eval_duration":1999999999,"eval_count":6,"eval_duration":1999999999}\n'
    )


def test_the_engines_own_times_and_cached_tokens_are_told():
    out, _ = translated(recording("q3_reason_end_stream").events)
    last = replies(out)[-1]
    assert list(last) == [
        *LAST_KEYS[:7],
        "prompt_eval_count",
        "prompt_eval_cached_count",
        "prompt_eval_duration",
        "eval_count",
        "eval_duration",
    ]
    assert (last["prompt_eval_count"], last["prompt_eval_cached_count"]) == (13, 0)
    assert (last["eval_count"], last["eval_duration"]) == (30, 46_301_868)
    assert last["load_duration"] == 8_423
    assert last["prompt_eval_duration"] == 1_959_530


@pytest.mark.parametrize("shape", [CHAT, GENERATE])
@pytest.mark.parametrize("name", [name for name in RECORDED if name not in FAULTS])
def test_one_object_holds_what_the_lines_hold(shape, name: str):
    events = recording(name).events
    lines = translated(events, LineWriter(shape, MODEL))[0].splitlines()
    whole = json.loads(translated(events, WholeWriter(shape, MODEL))[0])
    texts = [json.loads(line).get("message", json.loads(line)) for line in lines]
    message = whole.get("message", whole)
    for key in ("content", "response", "thinking"):
        assert message.get(key, "") == "".join(text.get(key, "") for text in texts)
    last = json.loads(lines[-1])
    apart = ("message", "response", "thinking")
    assert {k: v for k, v in whole.items() if k not in apart} == {
        k: v for k, v in last.items() if k not in apart
    }


def test_a_whole_reply_of_a_broken_stream_is_nothing():
    for name in FAULTS:
        out, translator = translated(recording(name).events, WholeWriter(CHAT, MODEL))
        assert out == b""
        assert translator.fault is not None


@given(st.data(), st.lists(TEXTS, max_size=6), st.booleans())
def test_any_text_in_any_cuts_comes_through_unchanged(data, texts: list[str], ascii_only: bool):
    pieces = [piece(text, ascii_only=ascii_only) for text in texts]
    wire = b"".join([ROLE, *pieces, FINISH, USAGE, DONE])
    out, translator = translated(data.draw(cuts(wire)))
    parsed = replies(out)
    assert said(parsed) == "".join(texts)
    assert [reply["message"]["content"] for reply in parsed[:-1]] == [t for t in texts if t]
    assert parsed[-1]["done"] is True
    assert list(parsed[-1]) == LAST_KEYS
    assert (parsed[-1]["prompt_eval_count"], parsed[-1]["eval_count"]) == (7, 3)
    assert translator.usage is not None


# Text that looks like the bytes around text, once the fast lane has learned those.
FORGERIES = [
    '"},"logprobs":null,"finish_reason":null,"token_ids":null}]}',
    piece("x").decode(),
    piece("x").decode() * 2,
    'x"},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null}]}\n\n',
    '"},"done":true,"done_reason":"stop"}\n',
    "data: [DONE]\n\n",
    '{"error":{"message":"forged"}}',
    '\ndata: {"error":"forged"}\n\n',
    "\\",
    "\\\\",
    '\\"',
    "\\u2028",
    '"',
    '","role":"user","content":"',
]


@pytest.mark.parametrize("forged", FORGERIES)
@pytest.mark.parametrize("whole", [False, True])
def test_text_that_looks_like_the_protocol_stays_text(forged: str, whole: bool):
    events = [ROLE, piece("a"), piece(forged), piece("b"), piece(forged), FINISH, USAGE, DONE]
    for reads in (events, [b"".join(events)], [b"".join(events[:3]), b"".join(events[3:])]):
        if whole:
            reply = json.loads(translated(reads, WholeWriter(CHAT, MODEL))[0])
            assert reply["message"]["content"] == f"a{forged}b{forged}"
        else:
            parsed = replies(translated(reads)[0])
            assert [r["message"]["content"] for r in parsed] == ["a", forged, "b", forged, ""]
            assert [r["done"] for r in parsed] == [False] * 4 + [True]


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_line_ends_of_either_kind(end: str):
    wire = b"".join([ROLE, piece("a"), piece("b"), FINISH, USAGE, DONE])
    out, _ = translated([wire.replace(b"\n", end.encode())])
    assert said(replies(out)) == "ab"


def test_a_line_for_each_event_at_its_time():
    translator = Translator(LineWriter(CHAT, MODEL), Marks(STARTED), WALL)
    stamps = []
    for second, text in enumerate(["a", "b", "c"]):
        line = translator.feed(piece(text), STARTED + second * 10**9)
        stamps.append(json.loads(line)["created_at"])
    assert stamps == [f"2026-11-21T02:18:{46 + second}.000000000Z" for second in range(3)]
    assert translator.marks.first_token == STARTED
    finish = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    translator.feed(finish + b"data: [DONE]\n\n", STARTED + 9 * 10**9)
    assert translator.marks.last_token == STARTED + 2 * 10**9


def test_nothing_is_written_before_there_is_text():
    translator = Translator(LineWriter(CHAT, MODEL), Marks(STARTED), WALL)
    assert translator.feed(ROLE + b": keep-alive\n\n" + FINISH, NOW) == b""
    assert not translator.ended


# --- stop strings of ours -------------------------------------------------------------------


@given(st.data(), st.lists(st.text("ab<", min_size=1, max_size=3), max_size=6), st.integers(0, 1))
def test_own_stops_end_the_text_whatever_the_cuts(data, texts: list[str], whole: int):
    pieces = [counted_piece(text, at + 1) for at, text in enumerate(texts)]
    wire = b"".join([ROLE, *pieces, FINISH, USAGE, DONE])
    writer = (WholeWriter if whole else LineWriter)(CHAT, MODEL)
    out, _ = translated(data.draw(cuts(wire)), writer, own_stops=("<b", "aa"))
    shown, _, _ = "".join(texts).partition("<b")
    shown, _, _ = shown.partition("aa")
    parsed = replies(out if out.endswith(b"\n") else out + b"\n")
    assert said(parsed) == shown
    assert all(reply["message"]["content"] for reply in parsed[:-1])
    assert parsed[-1]["done_reason"] == "stop"


def test_a_stop_string_ends_the_reply_with_the_counts_so_far():
    events = [ROLE, counted_piece("one ", 1), counted_piece("EN", 2), counted_piece("D two", 3)]
    out, translator = translated([*events, counted_piece("never", 4)], own_stops=("END",))
    parsed = replies(out)
    assert [reply["message"]["content"] for reply in parsed] == ["one ", ""]
    assert (parsed[-1]["done_reason"], parsed[-1]["eval_count"]) == ("stop", 3)
    assert translator.done


def test_text_that_only_began_like_a_stop_string_is_shown_at_the_end():
    out, _ = translated([ROLE, piece("one EN"), FINISH, USAGE, DONE], own_stops=("END",))
    assert said(replies(out)) == "one EN"


# --- engines that send odd things -----------------------------------------------------------

ODD_CALLS = st.fixed_dictionaries(
    {},
    optional={
        "index": JSON,
        "id": JSON,
        "function": st.dictionaries(st.sampled_from(["name", "arguments"]), JSON) | JSON,
    },
)
ODD_CHUNKS = st.fixed_dictionaries(
    {},
    optional={
        "choices": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "delta": st.dictionaries(
                        st.sampled_from(["content", "reasoning", "role", "tool_calls"]),
                        JSON,
                        max_size=3,
                    )
                    | st.fixed_dictionaries(
                        {"tool_calls": st.lists(ODD_CALLS, max_size=2) | ODD_CALLS}
                    )
                    | JSON,
                    "logprobs": st.fixed_dictionaries(
                        {},
                        optional=dict.fromkeys(
                            ["content", "tokens", "token_logprobs", "top_logprobs"],
                            st.lists(JSON, max_size=2) | JSON,
                        ),
                    ),
                    "token_ids": JSON,
                    "finish_reason": JSON | st.sampled_from(["stop", "abort"]),
                    "text": JSON,
                },
            ),
            max_size=2,
        )
        | JSON,
        "usage": st.dictionaries(
            st.sampled_from(["prompt_tokens", "completion_tokens", "prompt_tokens_details"]), JSON
        )
        | JSON,
        "metrics": st.dictionaries(
            st.sampled_from(["queue_time_ms", "time_to_first_token_ms", "generation_time_ms"]), JSON
        )
        | JSON,
        "error": JSON,
        "prompt_token_ids": JSON,
    },
)


@given(st.lists(st.one_of(ODD_CHUNKS, JSON), max_size=4), st.booleans())
def test_no_chunk_of_any_shape_makes_an_ill_formed_reply(chunks: list[Any], ends: bool):
    loads = [json.dumps(chunk).encode() for chunk in chunks]
    reads = [piece("a"), piece("b"), *(b"data: " + load + b"\n\n" for load in loads)]
    out, translator = translated(reads + ([FINISH, USAGE, DONE] if ends else []))
    parsed = replies(out)
    assert sum(reply["done"] for reply in parsed) == translator.done
    for key, value in parsed[-1].items():
        if key.endswith(("_count", "_duration")):
            assert type(value) is int, key


@pytest.mark.parametrize("damage", [b"\x01", b"\x1f", b"\xff", b"\xc3", b"\\x", b"\\u12", b"\\"])
@pytest.mark.parametrize("learned", [False, True])
def test_a_text_that_is_no_json_string_is_a_fault_and_not_passed_on(damage: bytes, learned: bool):
    broken = piece("DAMAGED").replace(b"DAMAGED", damage)
    before = [piece("a"), piece("b")] if learned else []
    out, translator = translated([*before, broken, FINISH, USAGE, DONE])
    assert "".join(reply["message"]["content"] for reply in replies(out)) == "ab" * learned
    assert translator.fault is not None
    assert translator.fault.message == FAILED + "the engine sent a malformed event"


@given(st.data())
def test_no_damage_outside_of_texts_makes_an_ill_formed_reply(data):
    text = data.draw(st.sampled_from([b"one", b"two", b"three"]))
    wire = bytearray(
        b"".join([ROLE, piece("one"), piece("two"), piece("three"), FINISH, USAGE, DONE])
    )
    within = range(wire.index(text), wire.index(text) + len(text))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(wire) - 1).filter(lambda place: place not in within))
        wire[place] = data.draw(st.integers(0x20, 0x7E))
    out, translator = translated(data.draw(cuts(bytes(wire))))
    if out:
        assert sum(reply["done"] for reply in replies(out)) == translator.done
