"""The play that does what it is asked, and the demands of the strictest client."""

import json

import pytest

from tests.support import strict, words
from tests.support.actor import filled, script, whole_reply
from tests.support.recordings import recording

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
ASKED = "What is the weather in Paris?"
BODY = {"model": "tiny-chat", "messages": [{"role": "user", "content": ASKED}]}


def payloads(events: list[bytes]) -> list[dict]:
    return [json.loads(event[6:]) for event in events if event != words.DONE]


def test_a_call_has_the_recorded_shape():
    played = payloads(script(BODY | {"tools": [TOOL]}, ASKED))
    recorded = payloads(recording("tool_required_ok_stream").events[:3])
    for mine, theirs in zip(played, recorded, strict=False):
        assert list(mine) == list(theirs)
        assert mine["choices"][0]["delta"].keys() == theirs["choices"][0]["delta"].keys()


def test_a_whole_reply_has_the_recorded_shape():
    for name, body in (
        ("chat_nonstream", BODY),
        ("tool_auto_forced_two", BODY | {"tools": [TOOL]}),
    ):
        recorded = json.loads(recording(name).body)
        mine = whole_reply(script(body, ASKED))
        assert list(mine) == list(recorded)
        assert list(mine["choices"][0]) == list(recorded["choices"][0])
        message = mine["choices"][0]["message"]
        assert message.keys() == recorded["choices"][0]["message"].keys()


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "Paris"),
        ({"type": "array", "items": {"type": "integer"}}, [1]),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, True),
        ({"type": "object", "properties": {"a": {"enum": ["x", "y"]}}}, {"a": "x"}),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"const": 5}}}, 5),
    ],
)
def test_a_schema_is_filled(schema, value):
    assert filled(schema, ASKED) == value


@pytest.mark.parametrize(
    "line",
    [
        {"model": "m", "created_at": "2026-01-01T00:00:00.5", "response": "", "done": False},
        {"model": "m", "created_at": 5, "response": "", "done": False},
        {"model": "m", "created_at": "2026-01-01T00:00:00.5Z", "response": None, "done": False},
        {"model": "m", "created_at": "2026-01-01T00:00:00.5Z", "message": {}, "done": False},
        {
            "model": "m",
            "created_at": "2026-01-01T00:00:00.5Z",
            "response": "",
            "done": True,
            "done_reason": "stop",
            "eval_count": 1.5,
        },
        {"error": {"message": "x"}},
        {"error": "x", "done": True},
    ],
    ids=str,
)
def test_a_line_that_breaks_clients_is_refused(line):
    with pytest.raises((AssertionError, TypeError)):
        strict.check_line(line)
