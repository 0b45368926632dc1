from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import EngineFault, Stopping, UpstreamCut
from adapter.translate.relay import COMPLETIONS, MESSAGES, RESPONSES, Grammar, Relay
from tests.support.recordings import recording

STREAMS = {
    "chat_stream": COMPLETIONS,
    "chat_stream_usage": COMPLETIONS,
    "chat_stream_usage_cont": COMPLETIONS,
    "tool_auto_forced_text_stream": COMPLETIONS,
    "q3_reason_stream": COMPLETIONS,
    "compl_stream_usage": COMPLETIONS,
    "responses_stream": RESPONSES,
    "responses_tool_stream": RESPONSES,
    "q3_responses_reasoning_stream": RESPONSES,
    "messages_stream": MESSAGES,
    "messages_tool_stream": MESSAGES,
    "q3_messages_thinking_stream": MESSAGES,
}
NAMES = pytest.mark.parametrize("name", STREAMS)
NOW = 1_000_000_000
FAILED = "an error was encountered while running the model: "


def served(name: str) -> str:
    return "tiny-qwen3" if name.startswith("q3_") else "tiny-chat"


def relay(name: str, asked: str | None = None, **how: bool) -> Relay:
    return Relay(STREAMS[name], served(name), asked or served(name), **how)


def body(name: str) -> bytes:
    return b"".join(recording(name).events)


@NAMES
def test_under_its_own_name_a_stream_stays_as_it_is(name: str):
    it = relay(name)
    out = it.feed(body(name), NOW)
    expected = body(name)
    if STREAMS[name] is MESSAGES:
        expected = expected.replace(b'"id":"chatcmpl-', b'"id":"msg_', 1)
    assert out == expected
    assert it.complete
    assert it.ended
    assert it.first_token
    assert it.fault is None


@NAMES
def test_the_name_asked_for_stands_in_every_place(name: str):
    it = relay(name, 'Ä "B"\\1')
    out = it.feed(body(name), NOW)
    assert served(name).encode() not in out
    counted = body(name).count(b'"model":')
    assert out.count(b'"model":"\xc3\x84 \\"B\\"\\\\1"') == counted > 0


@NAMES
@given(data=st.data())
def test_however_the_reads_fall(name: str, data: st.DataObject):
    whole = body(name)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=8)))
    it = relay(name, "x")
    parts = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert b"".join(it.feed(part, NOW) for part in parts) == relay(name, "x").feed(whole, NOW)
    assert (it.complete, it.fault) == (True, None)


@NAMES
def test_byte_for_byte(name: str):
    it = relay(name, "x")
    parts = [it.feed(bytes([byte]), NOW) for byte in body(name)]
    assert b"".join(parts) == relay(name, "x").feed(body(name), NOW)
    assert all(part == b"" or part.endswith(b"\n\n") for part in parts)


@NAMES
def test_a_stream_that_stops_anywhere_is_broken(name: str):
    events = recording(name).events
    for cut in range(len(events)):
        it = relay(name)
        it.feed(b"".join(events[:cut]), NOW)
        it.finish(NOW)
        assert isinstance(it.fault, EngineFault)
        assert not it.complete
        assert it.fault.message == FAILED + "unexpected EOF"


@pytest.mark.parametrize("line_end", [b"", b"\n"])
def test_an_end_without_its_blank_line_is_one(line_end: bytes):
    it = relay("chat_stream")
    it.feed(body("chat_stream").removesuffix(b"\n\n") + line_end, NOW)
    assert it.finish(NOW) == b"data: [DONE]\n\n"
    assert it.complete


def test_half_an_event_has_not_arrived():
    it = relay("chat_stream")
    it.feed(body("chat_stream")[:-20], NOW)
    assert it.finish(NOW) == b""
    assert it.fault is not None


def test_carriage_returns_are_line_ends_too():
    it = Relay(COMPLETIONS, "a", "b")
    out = it.feed(b'data: {"choices":[],"model": "a"}\r\n\r\ndata: [DONE]\r\n\r\n', NOW)
    assert out == b'data: {"choices":[],"model": "b"}\r\n\r\ndata: [DONE]\r\n\r\n'
    assert it.complete


def test_text_that_looks_like_something_is_text():
    text = rb'{"choices":[{"delta":{"content":"\"model\":\"a\" [DONE] \"error\" message_stop"}}]}'
    token = b'{"choices":[{"delta":{"content":"error"}}],"error":null}'
    it = Relay(COMPLETIONS, "a", "b")
    for payload in (text, token):
        event = b"data: " + payload + b"\n\n"
        assert it.feed(event, NOW) == event
    assert not it.ended


@pytest.mark.parametrize(
    ("event", "message", "status"),
    [
        (b'data: {"error": {"message": "m", "code": 503}}', "m", 503),
        (b'data: {"error":{"message":"m","code":"x"}}', "m", 500),
        (b'data: {"error":"m"}', "m", 500),
        (b'event: error\ndata: {"type":"error","message":"m"}', "m", 500),
        (
            b'data: {"choices":[{"finish_reason":"abort"}]}',
            "the engine aborted the request",
            500,
        ),
        (b'data: {"x":"[DONE]"', "the engine sent a malformed event", 500),
        (b'data: ["error"]', "the engine sent a malformed event", 500),
    ],
)
def test_what_breaks_a_stream(event: bytes, message: str, status: int):
    it = Relay(COMPLETIONS, "a", "a")
    before = b'data: {"choices":[]}\n\n'
    after = b'data: {"choices":[]}\n\ndata: [DONE]\n\n'
    assert it.feed(before + event + b"\n\n" + after, NOW) == before
    assert it.fault is not None
    assert (it.fault.message, it.fault.status) == (FAILED + message, status)
    assert not it.complete


def test_how_the_bytes_end_is_told():
    for broken, message, status in (
        (UpstreamCut("cut"), FAILED + "cut", 502),
        (Stopping("the adapter is shutting down"), "the adapter is shutting down", 503),
    ):
        it = Relay(COMPLETIONS, "a", "a")
        it.finish(NOW, broken)
        assert it.fault is not None
        assert (it.fault.message, it.fault.status) == (message, status)


def test_the_engines_own_failure_is_its_end():
    it = Relay(RESPONSES, "a", "b")
    event = b'data: {"type":"response.failed","response":{"model":"a","status":"failed"}}\n\n'
    assert it.feed(event, NOW) == event.replace(b'"a"', b'"b"')
    assert it.complete
    assert it.fault is not None


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("chat_stream", (0, 0)),
        ("chat_stream_usage", (13, 6)),
        ("responses_stream", (12, 3)),
        ("messages_tool_stream", (157, 119)),
    ],
)
def test_the_tokens_that_the_engine_counted(name: str, counts: tuple[int, int]):
    it = relay(name)
    it.feed(body(name), NOW)
    assert it.counts == counts


def test_counts_that_the_client_did_not_ask_for_are_taken_out():
    events = recording("chat_stream_usage").events
    it = relay("chat_stream_usage", hides_usage=True)
    assert it.feed(body("chat_stream_usage"), NOW) == b"".join([*events[:-2], events[-1]])
    assert it.counts == (13, 6)


def test_comments_are_left_out():
    it = Relay(COMPLETIONS, "a", "a")
    assert it.feed(b": keep-alive\n\n", NOW) == b""
    first = b'data: {"choices":[{"delta":{}}]}\n\n'
    assert it.feed(b": keep-alive\n\n" + first, NOW) == first
    assert it.feed(b": keep-alive\n\n: keep-alive\n\n", NOW) == b""


@pytest.mark.parametrize("grammar", [COMPLETIONS, MESSAGES, RESPONSES])
def test_an_error_can_be_told_before_anything_came(grammar: Grammar):
    event = Relay(grammar, "a", "a").error_event({"error": {"message": "m"}})
    assert event.endswith(b"\n\n")
    assert b'"message":"m"' in event


# The fast lane: ordinary events that come by themselves.

CHUNK = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"a","choices":'
    b'[{"index":0,"delta":{"content":%b},"logprobs":null,"finish_reason":null}]}\n\n'
)
ROLE = b'data: {"model":"a","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
LEARNED = {"chat_stream", "chat_stream_usage", "compl_stream_usage"}
"""Recordings with ordinary events."""


def slow(it: Relay) -> Relay:
    """One that has given up learning: every event takes the slow lane."""
    it._tries = 0
    return it


def fed(it: Relay, parts: list[bytes]) -> list[object]:
    """What it gives for each part, and what it knows at the end."""
    told: list[object] = [it.feed(part, NOW + at) for at, part in enumerate(parts)]
    return [*told, it.complete, it.ended, it.counts, it.first_token, str(it.fault)]


def same_in_both(make: Callable[[], Relay], parts: list[bytes]) -> Relay:
    fast = make()
    assert fed(fast, parts) == fed(slow(make()), parts)
    return fast


def passed(it: Relay, event: bytes) -> bool:
    """Whether the event takes the fast lane, and comes out as from the slow one."""
    assert it._layout is not None
    return it._ordinary is not None and it._ordinary.slice(event) is not None


RENAMED = pytest.mark.parametrize("asked", [None, 'Ä "B"\\1', "a longer name than it was:latest"])


@NAMES
@RENAMED
@pytest.mark.parametrize("hides_usage", [False, True])
def test_both_lanes_say_the_same(name: str, asked: str | None, hides_usage: bool):
    events = recording(name).events
    it = same_in_both(lambda: relay(name, asked, hides_usage=hides_usage), events)
    assert (it._layout is not None) is (name in LEARNED)


@NAMES
@RENAMED
def test_both_lanes_say_the_same_at_every_cut(name: str, asked: str | None):
    """Events by themselves, but for one that comes in two reads, and two that come in one."""
    events, whole = recording(name).events, len(body(name))
    expected = slow(relay(name, asked)).feed(body(name), NOW)
    for cut in range(1, whole, 1 if name in LEARNED else 37):
        parts, at = [], 0
        for event in events:
            inside = cut - at
            parts += [event] if not 0 < inside < len(event) else [event[:inside], event[inside:]]
            at += len(event)
        joined = cut % len(parts)
        parts[joined : joined + 2] = [b"".join(parts[joined : joined + 2])]
        it = relay(name, asked)
        assert b"".join(it.feed(part, NOW) for part in parts) == expected, cut
        assert (it.complete, it.fault) == (True, None)


def test_ordinary_events_take_the_fast_lane():
    it = Relay(COMPLETIONS, "a", "b")
    parts = [ROLE, CHUNK % b'"Hi"']
    assert [it.feed(part, NOW) for part in parts] == [
        part.replace(b'"model":"a"', b'"model":"b"') for part in parts
    ]
    for text in (b'" you"', b'"\xc3\xa4"', b'"\\n"', b'"\\u00e4"', b'"1"'):
        event = CHUNK % text
        assert passed(it, event)
        assert it.feed(event, NOW) == event.replace(b'"model":"a"', b'"model":"b"')


@pytest.mark.parametrize(
    "text",
    [
        rb'"\"model\":\"a\""',
        rb'"\",\"model\":\"a"',
        rb'"\\\",\"x\":\""',
        b'"x"},"error":{"message":"m"},"a":{"b":"c"',
        b'"","finish_reason":"abort","x":"',
        b'""',
        b'"\xe2\x80\xa8"',
        b'"\xff"',
        rb'"\x"',
        rb'"\"',
        b'"a\nb"',
        b'"a\n\ndata: [DONE]\n\n"',
        b"null",
        b"5",
        b"",
    ],
)
@pytest.mark.parametrize("asked", ["a", "b"])
def test_text_that_looks_like_json_does_not(text: bytes, asked: str):
    event = CHUNK % text
    it = same_in_both(
        lambda: Relay(COMPLETIONS, "a", asked), [ROLE, CHUNK % b'"Hi"', event, CHUNK % b'"Hi"']
    )
    assert not passed(it, event)


@pytest.mark.parametrize(
    "event",
    [
        b"data: [DONE]\n\n",
        b": comment\n\n",
        CHUNK.replace(b'"finish_reason":null', b'"finish_reason":"abort"') % b'"x"',
        CHUNK.replace(b'"finish_reason":null', b'"finish_reason":"stop"') % b'"x"',
        CHUNK.replace(b'"index":0', b'"index":1') % b'"x"',
        CHUNK % b'"x"' * 2,
        b": comment\n\n" + CHUNK % b'"x"',
        CHUNK % b'"x"' + b"data: [DONE]\n\n",
        (CHUNK % b'"x"').replace(b"\n\n", b"\r\n\r\n"),
        b"event: error\n" + CHUNK % b'"x"',
        b'data: {"error":{"message":"m"}}\n\n',
    ],
)
@pytest.mark.parametrize("asked", ["a", "b"])
def test_other_events_do_not(event: bytes, asked: str):
    it = same_in_both(
        lambda: Relay(COMPLETIONS, "a", asked), [ROLE, CHUNK % b'"Hi"', event, CHUNK % b'"Hi"']
    )
    assert not passed(it, event)


@pytest.mark.parametrize("asked", ["a", "b"])
def test_after_half_an_event_nothing_is_ordinary(asked: str):
    """An event that came in two reads, and one that looks whole but is the rest of another."""
    event = CHUNK % b'"x"'
    for cut in range(1, len(event)):
        parts = [ROLE, event, event[:cut], event[cut:], event, event[:cut], event, event]
        same_in_both(lambda: Relay(COMPLETIONS, "a", asked), parts)


def test_learning_is_given_up():
    """What has no ordinary events is not parsed for ever."""
    other = b'data: {"model":"a","choices":[{"index":0,"delta":{"reasoning":"x"}}]}\n\n'
    it = Relay(COMPLETIONS, "a", "b")
    for _ in range(20):
        assert it.feed(other, NOW) == other.replace(b'"a"', b'"b"')
    assert it._tries == 0
    for _ in range(3):
        event = CHUNK % b'"x"'
        assert it.feed(event, NOW) == event.replace(b'"model":"a"', b'"model":"b"')
    assert it._layout is None


def test_several_events_in_a_read_are_no_try():
    it = Relay(COMPLETIONS, "a", "a")
    it.feed(ROLE, NOW)
    for _ in range(20):
        it.feed(CHUNK % b'"x"' * 2, NOW)
    it.feed(CHUNK % b'"x"', NOW)
    assert it._layout is not None


LATE_NAME = (
    b'data: {"choices":[{"index":0,"delta":{"content":%b},"finish_reason":null}],"created":1,'
    b'"id":"c","model":"a","object":"chat.completion.chunk"}\n\n'
)


def test_a_name_that_stands_after_the_text_is_renamed_too():
    """As llama.cpp's server writes it."""
    it = Relay(COMPLETIONS, "a", "b")
    for text in (b'"Hi"', b'" you"', b'" all"', b'"\\""', b'"!"'):
        event = LATE_NAME % text
        assert it.feed(event, NOW) == event.replace(b'"model":"a"', b'"model":"b"')


def test_the_first_token_is_heard_once():
    heard: list[int] = []
    it = Relay(COMPLETIONS, "a", "b", lambda: heard.append(1))
    it.feed(b": comment\n\n", NOW)
    it.feed(ROLE[:50], NOW)
    assert (heard, it.first_token) == ([], 0)
    it.feed(ROLE[50:], NOW + 1)
    assert (heard, it.first_token) == ([1], NOW + 1)
    for _ in range(3):
        it.feed(CHUNK % b'"x"', NOW + 2)
    assert (heard, it.first_token) == ([1], NOW + 1)
