from __future__ import annotations

from typing import Any

import pytest

from adapter.conformance.reply import Reply, Unreadable
from adapter.conformance.streams import RULES, check_order, check_stream

ONE, TWO = b'{"a":1,"done":false}\n', b'{"a":2,"done":true}\n'
ERROR = b'{"error":"broke"}\n'


def ndjson(*chunks: bytes, **rules: Any) -> list[str]:
    return check_stream({"kind": "ndjson", **rules}, Reply(200, {}, list(chunks)))


def sse(text: str, kind: str = "sse-openai", **rules: Any) -> list[str]:
    return check_stream({"kind": kind, **rules}, Reply(200, {}, [text.encode()]))


NDJSON = [
    ({"min_chunks": 2}, [ONE, TWO], [TWO]),
    ({"every": {"a": "$int"}}, [ONE, TWO], [ONE, b'{"a":"2"}\n']),
    ({"first": {"a": 1}}, [ONE, TWO], [TWO, ONE]),
    ({"last": {"a": 2}}, [ONE, TWO], [TWO, ONE]),
    ({"final": {"done": True}}, [ONE, TWO], [TWO, ONE]),
    ({"nonfinal": {"done": False}}, [ONE, ONE, TWO], [ONE, TWO, TWO]),
    ({"nonfinal_absent": ["b.c"]}, [ONE, b'{"b":{"c":1}}\n'], [b'{"b":{"c":1}}\n', TWO]),
    ({"only_last_done": True}, [ONE, TWO], [TWO, TWO]),
    ({"only_last_done": True}, [TWO], [TWO, ONE]),
    ({"only_last_done": True}, [ONE, TWO], [ONE, ONE]),
    ({"no_done": True}, [ONE, ERROR], [ONE, TWO]),
    ({"last_is_error": True}, [ONE, ERROR], [ONE, TWO]),
    ({"last_is_error": True}, [ERROR], [b'{"error":{"message":"broke"}}\n']),
    ({"last_is_error": True}, [ERROR], [b'{"error":"broke","done":true}\n']),
    ({"last_is_error": True}, [ERROR], [b'["error"]\n']),
    ({"any": {"a": 2}}, [ONE, TWO], [ONE, ONE]),
    ({"order": ["t", "c"]}, [b'{"t":"x","c":""}\n', b'{"c":"y"}\n'], [b'{"c":"y"}\n']),
    ({"order": ["t", "c"]}, [b'{"t":"x"}\n', b'{"c":"y"}\n'], [b'{"c":"y"}\n', b'{"t":"x"}\n']),
    ({"one_object_each": True}, [ONE, TWO], [ONE + TWO]),
    ({"one_object_each": True}, [ONE, TWO], [ONE[:5], ONE[5:], TWO]),
    ({"one_object_each": True}, [ONE, TWO], [ONE[:-1], b"\n" + TWO]),
    ({"no_nulls": True}, [ONE, TWO], [ONE, b'{"a":{"b":null}}\n']),
    ({"keys_in_order": ["a", "done"]}, [ONE, b'{"x":0,"a":1}\n'], [b'{"done":true,"a":1}\n']),
    ({"keys_in_order": ["a", "done"]}, [ONE], [b"[1]\n"]),
]


@pytest.mark.parametrize(("rules", "good", "bad"), NDJSON)
def test_lines(rules: dict[str, Any], good: list[bytes], bad: list[bytes]):
    assert ndjson(*good, **rules) == []
    assert len(ndjson(*bad, **rules)) == 1


ROLE = 'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n'
TEXT = 'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'
DONE = "data: [DONE]\n\n"
START, STOP = "event: start\ndata: {}\n\n", "event: stop\ndata: {}\n\n"
DELTA = "event: delta\ndata: {}\n\n"
EVENTS = [
    ({"role_only_first": True}, ROLE + TEXT + DONE, ROLE + ROLE + DONE),
    ({"done_marker": True}, TEXT + DONE, TEXT),
    ({"done_marker": False}, TEXT, TEXT + DONE),
    ({"first_event": "start"}, START + STOP, STOP + START),
    ({"second_event": "delta"}, START + DELTA + STOP, START + STOP),
    ({"last_event": "stop"}, START + STOP, START),
    ({"contains_events": ["delta"]}, START + DELTA + STOP, START + STOP),
    ({"min_chunks": 2}, ROLE + TEXT + DONE, TEXT + DONE),
]


@pytest.mark.parametrize(("rules", "good", "bad"), EVENTS)
def test_events(rules: dict[str, Any], good: str, bad: str):
    assert sse(good, **rules) == []
    assert len(sse(bad, **rules)) == 1


def test_every_rule_is_shown_to_fail():
    shown = {name for rules, _, _ in [*NDJSON, *EVENTS] for name in rules}
    assert shown == RULES.keys() - {"kind"}


def test_comments_and_carriage_returns_are_no_events():
    assert sse(f": keep-alive\r\n\r\n{TEXT}", min_chunks=1, done_marker=False) == []


def test_an_unknown_kind():
    assert sse(TEXT, kind="morse") == ["unknown kind morse"]


@pytest.mark.parametrize(
    ("chunks", "fault"),
    [
        ([ONE, b"\n", TWO], "a blank line"),
        ([b"\n" + ONE], "a blank line"),
        ([ONE, b" \n"], "a blank line"),
        ([ONE, TWO[:-1]], 'no newline after the last line: \'{"a":2,"done":true}\''),
        ([], "no chunks"),
    ],
)
def test_how_lines_are_divided(chunks: list[bytes], fault: str):
    assert fault in ndjson(*chunks)


@pytest.mark.parametrize("line", [b"data: {}\n", b"[DONE]\n", b"{\n"])
def test_what_is_no_json_line(line: bytes):
    with pytest.raises(Unreadable):
        ndjson(ONE, line)


def test_a_stream_that_was_cut():
    reply = Reply(200, {}, [ONE], ended=False)
    assert check_stream({"kind": "ndjson"}, reply) == [
        "the connection closed before the stream was complete"
    ]


def test_the_order_of_keys():
    assert check_order(["a", "b", "c"], {"a": 1, "x": 2, "c": 3}) == []
    assert check_order(["a", "b", "c"], {"c": 1, "a": 2}) == [
        "body: expected the keys in the order ['a', 'b', 'c'], got ['c', 'a']"
    ]
