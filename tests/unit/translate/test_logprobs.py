from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.translate.logprobs import read, shown
from tests.support.recordings import recording
from tests.unit.strategies import JSON


def row(token: str, logprob: float, top: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    bare = {"token": token, "logprob": logprob, "bytes": list(token.encode())}
    return bare if top is None else bare | {"top_logprobs": top}


CASES = {
    "chat": (
        {"content": [{"token": "a", "logprob": -1.5, "bytes": [97], "top_logprobs": []}]},
        [row("a", -1.5, [])],
    ),
    "chat with alternatives": (
        {
            "content": [
                {
                    "token": "a",
                    "logprob": -1.5,
                    "bytes": [97],
                    "top_logprobs": [
                        {"token": "b", "logprob": -0.5, "bytes": [98]},
                        {"token": "a", "logprob": -1.5, "bytes": [97]},
                    ],
                }
            ]
        },
        [row("a", -1.5, [row("b", -0.5), row("a", -1.5)])],
    ),
    "bytes that are not the text's": (
        {"content": [{"token": "\ufffd", "logprob": -1.0, "bytes": [228]}]},
        [{"token": "\ufffd", "logprob": -1.0, "bytes": [228], "top_logprobs": []}],
    ),
    "no bytes": ({"content": [{"token": "ä", "logprob": -1}]}, [row("ä", -1.0, [])]),
    "null bytes": (
        {"content": [{"token": "ä", "logprob": -1, "bytes": None, "top_logprobs": None}]},
        [row("ä", -1.0, [])],
    ),
    "chat without tokens": ({"content": []}, []),
    "chat with null": ({"content": None, "refusal": None}, []),
    "completions": (
        {
            "tokens": ["a", "b"],
            "token_logprobs": [-1.5, -2],
            "top_logprobs": [{"a": -1.5}, {"b": -2, "c": -0.5}],
            "text_offset": [0, 1],
        },
        [
            row("a", -1.5, [row("a", -1.5)]),
            row("b", -2.0, [row("c", -0.5), row("b", -2.0)]),
        ],
    ),
    "completions without alternatives": (
        {"tokens": ["a", "b"], "token_logprobs": [-1.5, -2], "top_logprobs": None},
        [row("a", -1.5, []), row("b", -2.0, [])],
    ),
    "completions with some": (
        {"tokens": ["a", "b"], "token_logprobs": [-1, -2], "top_logprobs": [None, {"b": -2}]},
        [row("a", -1.0, []), row("b", -2.0, [row("b", -2.0)])],
    ),
    "an echoed prompt": (
        {"tokens": ["a", "b"], "token_logprobs": [None, -2], "top_logprobs": [None, {"b": -2}]},
        [row("b", -2.0, [row("b", -2.0)])],
    ),
}


@pytest.mark.parametrize(("raw", "rows"), CASES.values(), ids=CASES)
def test_rows(raw, rows):
    found = read(raw)
    assert found == rows
    assert all(type(one["logprob"]) is float for one in found)
    assert all(list(one) == ["token", "logprob", "bytes", "top_logprobs"] for one in found)


@pytest.mark.parametrize(
    "raw",
    [
        [],
        5,
        "x",
        {},
        {"tokens": ["a"]},
        {"content": 5},
        {"content": ["a"]},
        {"content": [{"token": "a"}]},
        {"content": [{"logprob": -1}]},
        {"content": [{"token": 5, "logprob": -1}]},
        {"content": [{"token": "a", "logprob": None}]},
        {"content": [{"token": "a", "logprob": "low"}]},
        {"content": [{"token": "a", "logprob": -1, "top_logprobs": [5]}]},
        {"tokens": ["a"], "token_logprobs": [-1, -2]},
        {"tokens": [5], "token_logprobs": [-1]},
        {"tokens": ["a"], "token_logprobs": [-1], "top_logprobs": ["x"]},
        {"tokens": ["a"], "token_logprobs": [-1], "top_logprobs": [{"a": None, "b": None}]},
    ],
)
def test_what_is_none_is_not_read(raw):
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        read(raw)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(["content", "tokens", "token_logprobs", "top_logprobs"], JSON)
    )
)
def test_anything_is_read_or_refused(raw: dict[str, Any]):
    try:
        rows = shown(read(orjson.loads(json.dumps(raw))), 3)
    except (KeyError, TypeError, ValueError, AttributeError):
        return
    orjson.dumps(rows)


def test_the_recorded_rows_of_chat_and_completions():
    chat = orjson.loads(recording("chat_logprobs").body)["choices"][0]["logprobs"]
    found = read(chat)
    assert [one["token"] for one in found] == [one["token"] for one in chat["content"]]
    assert all(one["bytes"] == list(one["token"].encode()) for one in found)
    old = orjson.loads(recording("compl_logprobs").body)["choices"][0]["logprobs"]
    found = read(old)
    assert [one["token"] for one in found] == [" needed"] * 6
    assert [one["logprob"] for one in found] == old["token_logprobs"]
    assert found[0]["top_logprobs"][0]["token"] == " there"
    assert all(
        one["top_logprobs"] == sorted(one["top_logprobs"], key=lambda top: -top["logprob"])
        for one in found
    )


TOP = [row("b", -0.5), row("a", -1.5), row("c", -2.5)]


@pytest.mark.parametrize("top", [1, 2, 3, 20])
def test_no_more_alternatives_than_asked_for(top: int):
    """vLLM's completions add the chosen token to the likeliest."""
    assert shown([row("a", -1.5, TOP)], top) == [row("a", -1.5, TOP[:top])]


def test_without_alternatives_the_key_is_gone():
    assert shown([row("a", -1.5, TOP)], 0) == [row("a", -1.5)]
    assert shown([], 5) == []
