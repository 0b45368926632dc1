"""The translator of streams: recorded and made-up streams, cut wherever a socket may cut them."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import UpstreamBroken, UpstreamSilent
from adapter.translate.generation import Listening
from adapter.translate.replies import CHAT, GENERATE, LineWriter, WholeWriter
from adapter.translate.stream import Translator
from adapter.translate.timings import Marks
from tests.support.recordings import recording
from tests.unit.strategies import JSON, TEXTS, cuts

STARTED, NOW = 1_000_000_000, 3_000_000_000
WALL = 1_795_227_526_000_000_000 - STARTED
MODEL = "Tiny:latest"
FAILED = "an error was encountered while running the model: "

COUNTS = ["prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration"]
LAST_KEYS = ["model", "created_at", "message", "done", "done_reason", "total_duration"]
LAST_KEYS += ["load_duration", *COUNTS]

# As vLLM writes them: a role, then a piece of text each, then why it ended, then the counts.
_HEAD = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m",'
ROLE = (
    _HEAD + b'"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,'
    b'"finish_reason":null}],"prompt_token_ids":null,"prompt_text":null}\n\n'
)
FINISH = (
    _HEAD + b'"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop",'
    b'"stop_reason":null,"token_ids":null}]}\n\n'
)
USAGE = (
    _HEAD + b'"choices":[],"usage":{"prompt_tokens":7,"total_tokens":10,"completion_tokens":3}}\n\n'
)
DONE = b"data: [DONE]\n\n"


def piece(text: str, *, ascii_only: bool = False) -> bytes:
    string = json.dumps(text).encode() if ascii_only else orjson.dumps(text)
    return (
        _HEAD + b'"choices":[{"index":0,"delta":{"content":' + string + b'},"logprobs":null,'
        b'"finish_reason":null,"token_ids":null}]}\n\n'
    )


def counted_piece(text: str, tokens: int) -> bytes:
    """A piece of text with the counts so far (continuous_usage_stats)."""
    counts = b',"usage":{"prompt_tokens":7,"total_tokens":9,"completion_tokens":%d}}' % tokens
    return piece(text).removesuffix(b"}\n\n") + counts + b"\n\n"


def translated(
    reads: list[bytes],
    writer: Any = None,
    own_stops: tuple[str, ...] = (),
    broken: Any = None,
    **listening: Any,
) -> tuple[bytes, Translator]:
    """What a client reads for these reads of the engine, as the server drives the translator."""
    writer = writer or LineWriter(CHAT, MODEL)
    heard = Listening(own_stops, **listening)
    translator = Translator(writer, Marks(STARTED, opened=STARTED + 1), WALL, heard)
    out = b""
    for data in reads:
        if translator.ended:
            break
        out += translator.feed(data, NOW)
    if not translator.ended:
        out += translator.finish(NOW, broken)
    assert translator.done is (translator.fault is None)
    return out, translator


def replies(out: bytes) -> list[dict[str, Any]]:
    """The lines, held to what every client needs of them."""
    lines = out.decode().splitlines()
    assert out == "".join(line + "\n" for line in lines).encode()
    parsed = [json.loads(line) for line in lines]
    for reply in parsed[:-1]:
        assert reply["done"] is False
    for reply in parsed:
        assert list(reply)[:3] == LAST_KEYS[:3]
        assert reply["message"]["role"] == "assistant"
    return parsed


def said(parsed: list[dict[str, Any]], key: str = "content") -> str:
    return "".join(reply["message"].get(key, "") for reply in parsed)


def sent(wire: bytes, key: str) -> str:
    """What the engine sent under this key of its deltas, read by other means."""
    payloads = [line[6:] for line in wire.split(b"\n") if line.startswith(b"data: {")]
    choices = [choice for load in payloads for choice in json.loads(load).get("choices", ())]
    return "".join(
        (choice.get("delta") or {}).get(key)
        or (choice.get("text") if key == "content" else "")
        or ""
        for choice in choices
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
    assert translator.marks.last_token == STARTED + 2 * 10**9


def test_nothing_is_written_before_there_is_text():
    translator = Translator(LineWriter(CHAT, MODEL), Marks(STARTED), WALL)
    assert translator.feed(ROLE + b": keep-alive\n\n" + FINISH, NOW) == b""
    assert not translator.ended


# --- how a stream may end -------------------------------------------------------------------


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


# --- tool calls -----------------------------------------------------------------------------

WEATHER = {"city": "Paris", "days": 3}
# Recording → its calls' names and arguments, or the words of the fault.
CALLED: dict[str, Any] = {
    "tool_auto_forced_text_stream": [("chatcmpl-tool-84ed42dd88e537cd", "get_weather", WEATHER)],
    "tool_required_ok_stream": [
        ("chatcmpl-tool-9d9e7f4622e20feb", "get_weather", {"city": "Oslo"})
    ],
    "q3_tool_auto_stream": [],
    "q3_off_tool_required_stream_strict": 'invalid tool call arguments for "get_weather": ',
    "tool_named_strict_stream": 'invalid tool call arguments for "get_weather": ',
}


def called(message: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    calls = message.get("tool_calls", [])
    assert [list(call) for call in calls] == [["id", "function"]] * len(calls)
    assert [call["function"]["index"] for call in calls] == list(range(len(calls)))
    return [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls]


@pytest.mark.parametrize("name", CALLED)
def test_recorded_calls_are_whole_and_in_the_last_line(name: str):
    expected = CALLED[name]
    events = recording(name).events
    out, translator = translated(events)
    if isinstance(expected, str):
        assert translator.fault is not None
        assert expected in translator.fault.message
        assert translator.fault.status == 500
        assert not any(json.loads(line)["done"] for line in out.splitlines())
        return
    *lines, last = replies(out)
    assert called(last["message"]) == expected
    assert not any("tool_calls" in line["message"] for line in lines)
    assert last["done_reason"] == ("stop" if expected else "length")
    whole = json.loads(translated(events, WholeWriter(CHAT, MODEL))[0])
    assert called(whole["message"]) == expected


RECORDED_DETAILS = [
    *CALLED,
    "chat_logprobs_stream",
    "chat_return_token_ids_stream",
    "compl_stream_usage",
    "chat_stream_interval",
    "q3_reason_end_stream",
]


@pytest.mark.parametrize("shape", [CHAT, GENERATE])
@pytest.mark.parametrize("name", RECORDED_DETAILS)
def test_every_two_reads_of_a_recording_give_the_same_lines(shape, name: str):
    wire = b"".join(recording(name).events)
    expected = translated([wire], LineWriter(shape, MODEL), top_logprobs=2)[0]
    step = max(1, len(wire) // 1500)  # every byte of what is small
    for i in range(0, len(wire), step):
        reads = [wire[:i], wire[i:]]
        assert translated(reads, LineWriter(shape, MODEL), top_logprobs=2)[0] == expected


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("name", RECORDED_DETAILS)
@given(data=st.data())
def test_any_reads_of_a_recording_give_the_same_reply(data, name: str, whole: bool):
    kind = WholeWriter if whole else LineWriter
    wire = b"".join(recording(name).events)
    expected = translated([wire], kind(GENERATE, MODEL), top_logprobs=1)[0]
    reads = data.draw(cuts(wire))
    assert translated(reads, kind(GENERATE, MODEL), top_logprobs=1)[0] == expected


@pytest.mark.parametrize("shape", [CHAT, GENERATE])
@pytest.mark.parametrize("name", RECORDED_DETAILS)
def test_one_object_is_the_lines_folded(shape, name: str):
    events = recording(name).events
    out, translator = translated(events, LineWriter(shape, MODEL), top_logprobs=2)
    whole = translated(events, WholeWriter(shape, MODEL), top_logprobs=2)[0]
    if translator.fault:
        assert whole == b""
        return
    lines = [json.loads(line) for line in out.splitlines()]
    folded = lines[-1]
    for key in ("content", "thinking", "response"):
        text = "".join(line.get("message", line).get(key, "") for line in lines)
        if text or key != "thinking":
            holder = folded.get("message", folded)
            if key in holder or key == "thinking":
                holder[key] = text
    rows = [row for line in lines for row in line.get("logprobs", ())]
    if rows:
        folded["logprobs"] = rows
    assert json.loads(whole) == folded


def call(*parts: dict[str, Any], **choice: Any) -> bytes:
    """An event with pieces of calls."""
    delta = {"content": None, "tool_calls": list(parts)}
    return event([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None, **choice}])


def event(choices: list[dict[str, Any]], **more: Any) -> bytes:
    return (
        _HEAD + b'"choices":' + orjson.dumps(choices) + b"}\n\n"
        if not more
        else (b"data: " + orjson.dumps({"model": "m", "choices": choices, **more}) + b"\n\n")
    )


def begun(index: int, name: str, **more: Any) -> dict[str, Any]:
    return {"index": index, "id": f"id{index}", "function": {"name": name, **more}}


def goes_on(index: int, arguments: str) -> dict[str, Any]:
    return {"index": index, "function": {"arguments": arguments}}


CALLS_END = FINISH.replace(b'"stop"', b'"tool_calls"', 1)


def test_thoughts_and_text_come_before_the_calls():
    thought = event([{"index": 0, "delta": {"reasoning": "hm"}, "finish_reason": None}])
    events = [ROLE, thought, piece("Let me see"), call(begun(0, "f")), call(goes_on(0, "{}"))]
    for writer in (LineWriter(CHAT, MODEL), WholeWriter(CHAT, MODEL)):
        out, _ = translated([*events, CALLS_END, USAGE, DONE], writer)
        parsed = [json.loads(line) for line in out.splitlines()]
        assert (said(parsed, "thinking"), said(parsed)) == ("hm", "Let me see")
        assert list(parsed[-1]["message"])[-1] == "tool_calls"
        assert called(parsed[-1]["message"]) == [("id0", "f", {})]


def test_text_after_calls_is_text_in_its_place():
    """Once plain text was learned, a call between must not be lost, nor the text after it."""
    events = [ROLE, piece("a"), piece("b"), call(begun(0, "f", arguments="{}")), piece("c")]
    *lines, last = replies(translated([*events, CALLS_END, USAGE, DONE])[0])
    assert [line["message"]["content"] for line in lines] == ["a", "b", "c"]
    assert called(last["message"]) == [("id0", "f", {})]


@given(st.data())
def test_calls_in_any_pieces_and_any_order_of_pieces_come_out_whole(data):
    arguments = data.draw(
        st.lists(st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(0, 9))), max_size=3)
    )
    queues = []
    for index, value in enumerate(arguments):
        text = json.dumps(value)
        place = data.draw(st.integers(0, len(text)))
        pieces = [call(begun(index, f"f{index}"))]
        pieces += [call(goes_on(index, part)) for part in (text[:place], text[place:])]
        queues.append(pieces)
    events = []
    while any(queues):
        events.append(data.draw(st.sampled_from([queue for queue in queues if queue])).pop(0))
    wire = b"".join([ROLE, *events, CALLS_END, USAGE, DONE])
    out, _ = translated(data.draw(cuts(wire)))
    [last] = replies(out)
    found = called(last["message"])
    assert [name for _, name, _ in found] == [f"f{index}" for index in range(len(arguments))]
    assert [list(value.items()) for _, _, value in found] == [
        list(value.items()) for value in arguments
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ('{"city":"Par', 'returned invalid tool call arguments for "f": '),
        ("5", "they are no JSON object"),
        ("[1]", "they are no JSON object"),
        ("Infinity", 'invalid tool call arguments for "f": '),
        ("null", "they are no JSON object"),
    ],
)
@pytest.mark.parametrize("kind", [LineWriter, WholeWriter])
def test_calls_that_broke_end_in_a_fault(kind, arguments: str, words: str):
    events = [ROLE, piece("a"), call(begun(0, "f")), call(goes_on(0, arguments))]
    out, translator = translated([*events, CALLS_END, USAGE, DONE], kind(CHAT, MODEL))
    assert translator.fault is not None
    assert words in translator.fault.message
    assert b'"done":true' not in out


def test_a_call_cut_before_its_arguments_is_no_call_without_any():
    cut = FINISH.replace(b'"stop"', b'"length"', 1)
    _, translator = translated([ROLE, call(begun(0, "f")), cut, USAGE, DONE])
    assert translator.fault is not None
    [last] = replies(translated([ROLE, call(begun(0, "f")), CALLS_END, USAGE, DONE])[0])
    assert called(last["message"]) == [("id0", "f", {})]


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
