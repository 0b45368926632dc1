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
    out = it.feed(body(name))
    expected = body(name)
    if STREAMS[name] is MESSAGES:
        expected = expected.replace(b'"id":"chatcmpl-', b'"id":"msg_', 1)
    assert out == expected
    assert it.complete
    assert it.ended
    assert it.token_seen
    assert it.fault is None


@NAMES
def test_the_name_asked_for_stands_in_every_place(name: str):
    it = relay(name, 'Ä "B"\\1')
    out = it.feed(body(name))
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
    assert b"".join(it.feed(part) for part in parts) == relay(name, "x").feed(whole)
    assert (it.complete, it.fault) == (True, None)


@NAMES
def test_byte_for_byte(name: str):
    it = relay(name, "x")
    parts = [it.feed(bytes([byte])) for byte in body(name)]
    assert b"".join(parts) == relay(name, "x").feed(body(name))
    assert all(part == b"" or part.endswith(b"\n\n") for part in parts)


@NAMES
def test_a_stream_that_stops_anywhere_is_broken(name: str):
    events = recording(name).events
    for cut in range(len(events)):
        it = relay(name)
        it.feed(b"".join(events[:cut]))
        it.finish()
        assert isinstance(it.fault, EngineFault)
        assert not it.complete
        assert it.fault.message == FAILED + "unexpected EOF"


@pytest.mark.parametrize("line_end", [b"", b"\n"])
def test_an_end_without_its_blank_line_is_one(line_end: bytes):
    it = relay("chat_stream")
    it.feed(body("chat_stream").removesuffix(b"\n\n") + line_end)
    assert it.finish() == b"data: [DONE]\n\n"
    assert it.complete


def test_half_an_event_has_not_arrived():
    it = relay("chat_stream")
    it.feed(body("chat_stream")[:-20])
    assert it.finish() == b""
    assert it.fault is not None


def test_carriage_returns_are_line_ends_too():
    it = Relay(COMPLETIONS, "a", "b")
    out = it.feed(b'data: {"choices":[],"model": "a"}\r\n\r\ndata: [DONE]\r\n\r\n')
    assert out == b'data: {"choices":[],"model": "b"}\r\n\r\ndata: [DONE]\r\n\r\n'
    assert it.complete


def test_text_that_looks_like_something_is_text():
    text = rb'{"choices":[{"delta":{"content":"\"model\":\"a\" [DONE] \"error\" message_stop"}}]}'
    token = b'{"choices":[{"delta":{"content":"error"}}],"error":null}'
    it = Relay(COMPLETIONS, "a", "b")
    for payload in (text, token):
        event = b"data: " + payload + b"\n\n"
        assert it.feed(event) == event
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
    assert it.feed(before + event + b"\n\n" + after) == before
    assert it.fault is not None
    assert (it.fault.message, it.fault.status) == (FAILED + message, status)
    assert not it.complete


def test_how_the_bytes_end_is_told():
    for broken, message, status in (
        (UpstreamCut("cut"), FAILED + "cut", 502),
        (Stopping("the adapter is shutting down"), "the adapter is shutting down", 503),
    ):
        it = Relay(COMPLETIONS, "a", "a")
        it.finish(broken)
        assert it.fault is not None
        assert (it.fault.message, it.fault.status) == (message, status)


def test_the_engines_own_failure_is_its_end():
    it = Relay(RESPONSES, "a", "b")
    event = b'data: {"type":"response.failed","response":{"model":"a","status":"failed"}}\n\n'
    assert it.feed(event) == event.replace(b'"a"', b'"b"')
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
    it.feed(body(name))
    assert it.counts == counts


def test_counts_that_the_client_did_not_ask_for_are_taken_out():
    events = recording("chat_stream_usage").events
    it = relay("chat_stream_usage", hides_usage=True)
    assert it.feed(body("chat_stream_usage")) == b"".join([*events[:-2], events[-1]])
    assert it.counts == (13, 6)


def test_comments_are_left_out():
    it = Relay(COMPLETIONS, "a", "a")
    assert it.feed(b": keep-alive\n\n") == b""
    first = b'data: {"choices":[{"delta":{}}]}\n\n'
    assert it.feed(b": keep-alive\n\n" + first) == first
    assert it.feed(b": keep-alive\n\n: keep-alive\n\n") == b""


@pytest.mark.parametrize("grammar", [COMPLETIONS, MESSAGES, RESPONSES])
def test_an_error_can_be_told_before_anything_came(grammar: Grammar):
    event = Relay(grammar, "a", "a").error_event({"error": {"message": "m"}})
    assert event.endswith(b"\n\n")
    assert b'"message":"m"' in event
