from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given

from adapter.translate.events import (
    CallPart,
    Done,
    EngineTimes,
    Fault,
    Finish,
    Grounds,
    Text,
    Thinking,
    Tokens,
    Usage,
)
from adapter.translate.reading import MALFORMED, error_text, read
from tests.support.recordings import recording
from tests.unit.strategies import JSON

ROW = {"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}
ROWS = b'"logprobs":{"content":[{"token":"a","logprob":-1.0,"bytes":[97],"top_logprobs":[]}]}'

CASES = {
    "end": (b"[DONE]", [Done()]),
    "grounds": (b'{"choices":[],"sources":[1],"citations":null}', [Grounds({"sources": [1]})]),
    "role": (b'{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}', []),
    "chat text": (b'{"choices":[{"delta":{"content":"hi"},"finish_reason":null}]}', [Text("hi")]),
    "completion text": (
        b'{"choices":[{"index":0,"text":"hi","finish_reason":null}]}',
        [Text("hi")],
    ),
    "reasoning": (b'{"choices":[{"delta":{"reasoning":"hm"}}]}', [Thinking("hm")]),
    "reasoning as others call it": (
        b'{"choices":[{"delta":{"reasoning_content":"hm"}}]}',
        [Thinking("hm")],
    ),
    "reasoning hidden": (b'{"choices":[{"delta":{"content":"a","reasoning":null}}]}', [Text("a")]),
    "thought, word and end in one": (
        b'{"choices":[{"delta":{"content":"a","reasoning":"b"},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":1,"completion_tokens":2}}',
        [Thinking("b"), Text("a"), Finish("stop"), Usage(1, 2)],
    ),
    "counts": (
        b'{"choices":[],"usage":{"prompt_tokens":13,"total_tokens":19,"completion_tokens":6}}',
        [Usage(13, 6)],
    ),
    "cached": (
        b'{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,'
        b'"prompt_tokens_details":{"cached_tokens":0}}}',
        [Usage(1, 2, 0)],
    ),
    "cached not told": (
        b'{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,'
        b'"prompt_tokens_details":null}}',
        [Usage(1, 2)],
    ),
    "times": (
        b'{"choices":[],"metrics":{"time_to_first_token_ms":2.5,"generation_time_ms":4.0,'
        b'"queue_time_ms":0.5}}',
        [EngineTimes(queue=0.5, first_token=2.5, generation=4.0)],
    ),
    "one token has no generation time": (
        b'{"choices":[],"metrics":{"time_to_first_token_ms":2.5,"generation_time_ms":null,'
        b'"queue_time_ms":0.5}}',
        [EngineTimes(queue=0.5, first_token=2.5, generation=0.0)],
    ),
    "error": (b'{"error": {"message": "boom", "code": 503}}', [Fault("boom", 503)]),
    "error without code": (b'{"error":{"message":"boom"}}', [Fault("boom", 500)]),
    "error with an odd code": (b'{"error":{"message":"boom","code":"x"}}', [Fault("boom", 500)]),
    "error with a low code": (b'{"error":{"message":"boom","code":200}}', [Fault("boom", 500)]),
    "error as text": (b'{"error":"boom"}', [Fault("boom", 500)]),
    "error null": (b'{"error":null,"choices":[]}', []),
    "nothing in it": (b"{}", []),
    "null choices": (b'{"choices":null,"usage":null}', []),
    "null delta": (b'{"choices":[{"delta":null}]}', []),
    "no JSON": (b"{broken", [MALFORMED]),
    "list": (b"[]", [MALFORMED]),
    "number": (b"5", [MALFORMED]),
    "null": (b"null", [MALFORMED]),
    "text of another kind": (b'{"choices":[{"delta":{"content":["a"]}}]}', [MALFORMED]),
    "choices of another kind": (b'{"choices":5}', [MALFORMED]),
    "usage of another kind": (b'{"usage":"x"}', [MALFORMED]),
    "counts of another kind": (b'{"usage":{"prompt_tokens":"7"}}', [MALFORMED]),
    "counts that no count can be": (b'{"usage":{"prompt_tokens":1e300}}', [MALFORMED]),
    "counts below nothing": (b'{"usage":{"completion_tokens":-1}}', [MALFORMED]),
    "times that no clock can tell": (b'{"metrics":{"queue_time_ms":1e300}}', []),
    "times below nothing": (b'{"metrics":{"queue_time_ms":-0.01}}', []),
    "times of another kind": (b'{"metrics":{"queue_time_ms":"7"}}', []),
    "a call begins": (
        b'{"choices":[{"delta":{"content":null,"tool_calls":[{"id":"a","type":"function",'
        b'"index":0,"function":{"name":"f"}}]}}]}',
        [CallPart(0, "a", "f")],
    ),
    "a call goes on": (
        b'{"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{"}}]}}]}',
        [CallPart(1, arguments="{")],
    ),
    "two calls in one, and their end": (
        b'{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f",'
        b'"arguments":"{}"}},{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}]},'
        b'"finish_reason":"tool_calls"}]}',
        [CallPart(0, "a", "f", "{}"), CallPart(1, "b", "g", "{}"), Finish("tool_calls")],
    ),
    "a call of nulls": (
        b'{"choices":[{"delta":{"tool_calls":[{"index":null,"id":null,"function":null}]}}]}',
        [CallPart(0)],
    ),
    "text, then a call": (
        b'{"choices":[{"delta":{"content":"a","tool_calls":[{"index":0,"function":'
        b'{"name":"f"}}]}}]}',
        [Text("a"), CallPart(0, name="f")],
    ),
    "no calls": (b'{"choices":[{"delta":{"tool_calls":[]}}]}', []),
    "calls of another kind": (b'{"choices":[{"delta":{"tool_calls":5}}]}', [MALFORMED]),
    "a call of another kind": (b'{"choices":[{"delta":{"tool_calls":["f"]}}]}', [MALFORMED]),
    "arguments that are no text": (
        b'{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":{"a":1}}}]}}]}',
        [MALFORMED],
    ),
    "an index below nothing": (
        b'{"choices":[{"delta":{"tool_calls":[{"index":-1}]}}]}',
        [MALFORMED],
    ),
    "logprobs of a text": (
        b'{"choices":[{"delta":{"content":"a"},%b}]}' % ROWS,
        [Text("a", [ROW])],
    ),
    "logprobs without text": (b'{"choices":[{"delta":{},%b}]}' % ROWS, [Text("", [ROW])]),
    "logprobs of a thought": (
        b'{"choices":[{"delta":{"reasoning":"a"},%b}]}' % ROWS,
        [Thinking("a", [ROW])],
    ),
    "logprobs of a thought and a text": (
        b'{"choices":[{"delta":{"reasoning":"b","content":"a"},%b}]}' % ROWS,
        [Thinking("b"), Text("a", [ROW])],
    ),
    "logprobs of a call": (
        b'{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f"}}]},%b}]}' % ROWS,
        [Text("", [ROW]), CallPart(0, name="f")],
    ),
    "logprobs null": (b'{"choices":[{"delta":{"content":"a"},"logprobs":null}]}', [Text("a")]),
    "logprobs of nothing": (
        b'{"choices":[{"delta":{"content":"a"},"logprobs":{"content":null}}]}',
        [Text("a", [])],
    ),
    "logprobs of another kind": (
        b'{"choices":[{"delta":{"content":"a"},"logprobs":[1]}]}',
        [MALFORMED],
    ),
    "ids of the prompt": (
        b'{"choices":[{"delta":{"content":""}}],"prompt_token_ids":[5,6]}',
        [Tokens([5, 6])],
    ),
    "ids of a text": (
        b'{"choices":[{"delta":{"content":"a"},"token_ids":[7]}]}',
        [Text("a"), Tokens(generated=[7])],
    ),
    "ids of a completion": (
        b'{"choices":[{"text":"a","prompt_token_ids":[5],"token_ids":[7],"finish_reason":"stop"}]}',
        [Text("a"), Tokens([5], [7]), Finish("stop")],
    ),
    "ids of nothing": (
        b'{"choices":[{"delta":{},"token_ids":[]}],"prompt_token_ids":[]}',
        [],
    ),
    "ids that are none": (b'{"choices":[{"delta":{},"token_ids":[1.5]}]}', [MALFORMED]),
    "ids of another kind": (b'{"choices":[{"delta":{},"token_ids":"12"}]}', [MALFORMED]),
    "an error of FastAPI": (b'{"detail":"nope"}', [Fault("nope")]),
}


@pytest.mark.parametrize(("payload", "events"), CASES.values(), ids=CASES)
def test_events_of_a_payload(payload: bytes, events: list[object]):
    assert read(payload) == events


def test_the_recorded_end_of_a_stream_with_everything():
    payloads = [event[6:-2] for event in recording("q3_reason_end_stream").events]
    assert read(payloads[-3]) == [Text(" authorization"), Finish("length")]
    [usage, times] = read(payloads[-2])
    assert usage == Usage(13, 30, 0)
    assert isinstance(times, EngineTimes)
    assert (times.first_token, times.generation) == (1.967953000075795, 46.30186800000047)
    assert read(payloads[-1]) == [Done()]


def test_the_recorded_error_event():
    [fault] = read(recording("stream_engine_killed").events[-2][6:-2])
    text = "EngineCore encountered an issue. See stack trace (above) for the root cause."
    assert fault == Fault(text, 500)


@given(JSON)
def test_any_json_reads_as_events(value: object):
    assert all(
        type(event).__module__ == Text.__module__ for event in read(json.dumps(value).encode())
    )


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": {"message": "a", "type": "t"}}, "a"),
        ({"error": "a"}, "a"),
        ({"detail": "Not Found"}, "Not Found"),
        ({"detail": [{"msg": "x"}]}, '[{"msg":"x"}]'),
        ({"message": "flat", "object": "error"}, "flat"),
        ({"type": "error", "error": {"type": "t", "message": "a"}}, "a"),
        ({"error": {"code": 5}}, '{"code":5}'),
        ("plain", "plain"),
        ({}, "{}"),
    ],
)
def test_the_message_of_any_servers_error(body: object, text: str):
    assert error_text(body) == text


@given(JSON)
def test_an_error_of_any_shape_has_a_text(value: object):
    assert isinstance(error_text(orjson.loads(json.dumps(value))), str)
