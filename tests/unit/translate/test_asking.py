from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given

from adapter.translate.asking import sees, thinks, to_look, to_speak
from adapter.translate.refusals import refusal
from tests.support.recordings import recording
from tests.unit.strategies import JSON


def message_of(name: str) -> str:
    found = recording(name)
    return refusal(found.status, found.body).message


def test_the_questions_are_those_that_were_recorded():
    """So that the recorded answers are answers to them."""
    recorded = {
        "ability_plain": to_speak("tiny-qwen3", with_tools=False),
        "ability_no_tools": to_speak("tiny-qwen3", with_tools=True),
        "ability_blind": to_look("tiny-qwen3"),
    }
    for name, body in recorded.items():
        assert orjson.loads(recording(name).request) == body | {
            "model": orjson.loads(recording(name).request)["model"]
        }


def test_one_token_is_asked_for():
    bodies = [to_speak("m", with_tools=True), to_speak("m", with_tools=False), to_look("m")]
    assert [body["max_tokens"] for body in bodies] == [1, 1, 1]
    assert all("stream" not in body for body in bodies)
    assert ["tools" in body for body in bodies] == [True, False, False]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ability_plain", False),
        ("ability_tools", False),
        ("ability_tools_thinking", True),
        ("ability_no_tools", False),
    ],
)
def test_who_thinks(name: str, expected: bool):
    assert thinks(recording(name).body) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"choices":[{"message":{"reasoning":"h"}}],"usage":{}}', True),
        (
            b'{"choices":[{"message":{"content":"h"}}],'
            b'"usage":{"completion_tokens_details":{"reasoning_tokens":0}}}',
            True,
        ),
        (
            b'{"choices":[{"message":{"content":"h","reasoning":null}}],'
            b'"usage":{"completion_tokens_details":null}}',
            False,
        ),
        (b'{"choices":[{"message":{"content":"h"}}],"usage":null}', False),
        (b'{"choices":[]}', False),
        (b"{}", False),
        (b"[]", False),
        (b"null", False),
        (b"<html>", False),
        (b"", False),
    ],
)
def test_an_answer_of_any_shape(body: bytes, expected: bool):
    assert thinks(body) is expected


@given(JSON, JSON)
def test_no_answer_breaks_it(message: object, usage: object):
    body = json.dumps({"choices": [{"message": message}], "usage": usage}).encode()
    assert thinks(body) in (True, False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("ability_blind", False), ("err_image", False), ("vision_bad_b64", True)],
)
def test_who_sees(name: str, expected: bool):
    assert sees(message_of(name)) is expected
