from __future__ import annotations

import pytest

from adapter.translate.messages import is_continued, to_openai, with_own
from adapter.translate.target import Target
from adapter.wire.ollama import Message

PNG = "iVBORw0KGgo="


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        ({"role": "user", "content": "hi"}, {"role": "user", "content": "hi"}),
        ({"role": "USER", "content": "hi"}, {"role": "user", "content": "hi"}),
        ({"role": "narrator", "content": "hi"}, {"role": "narrator", "content": "hi"}),
        ({"content": "hi"}, {"role": "user", "content": "hi"}),
        ({"role": None, "content": None}, {"role": "user", "content": ""}),
        (
            {"role": "assistant", "content": "hi", "thinking": "hm"},
            {"role": "assistant", "content": "hi"},
        ),
        (
            {"role": "user", "content": "see", "images": [PNG]},
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                    {"type": "text", "text": "see"},
                ],
            },
        ),
        (
            {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {
                        "id": "call00001",
                        "type": "function",
                        "function": {"name": "f", "arguments": "{}"},
                    }
                ],
            },
        ),
        (
            {"role": "Tool", "content": "5", "tool_name": "f"},
            {"role": "tool", "content": "5", "name": "f"},
        ),
        (
            {"role": "user", "content": "5", "tool_name": "f", "tool_call_id": "a"},
            {"role": "user", "content": "5"},
        ),
    ],
)
def test_a_turn_becomes_a_message(turn, message):
    assert to_openai([Message.model_validate(turn)]) == [message]


def test_the_order_of_turns_is_kept():
    turns = [Message(role=role, content=role) for role in ("system", "user", "assistant", "user")]
    assert [message["content"] for message in to_openai(turns)] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert to_openai([]) == []


def test_results_belong_to_the_calls_before_them():
    calls = {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}
    turns = [calls, {"role": "tool", "content": "5"}, calls, {"role": "tool", "content": "6"}]
    sent = to_openai([Message.model_validate(turn) for turn in turns])
    assert [message.get("tool_call_id") for message in sent] == [
        None,
        "call00001",
        None,
        "call00002",
    ]


# --- the model's own turns ------------------------------------------------------------------

OWN = (Message(role="user", content="1+1"), Message(role="assistant", content="2"))


@pytest.mark.parametrize(
    ("turns", "own", "contents"),
    [
        (["user:hi"], {}, ["hi"]),
        (["user:hi"], {"system": "be"}, ["be", "hi"]),
        (["user:hi"], {"system": "be", "turns": OWN}, ["be", "1+1", "2", "hi"]),
        (["user:hi"], {"turns": OWN}, ["1+1", "2", "hi"]),
        (["system:mine", "user:hi"], {"system": "be"}, ["mine", "hi"]),
        (["System:mine", "user:hi"], {"system": "be", "turns": OWN}, ["1+1", "2", "mine", "hi"]),
        (["user:hi", "system:mine"], {"system": "be"}, ["be", "hi", "mine"]),
        ([], {"system": "be"}, ["be"]),
    ],
)
def test_the_models_own_turns_stand_before_the_clients(turns, own, contents):
    parts = [turn.partition(":") for turn in turns]
    given = [Message(role=role, content=text) for role, _, text in parts]
    full = with_own(given, Target("served", **own))
    assert [turn.content for turn in full] == contents
    assert [turn.role for turn in full if turn.content == "be"] == ["system"] * ("be" in contents)


# --- a begun answer -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "continued"),
    [
        ({"role": "assistant", "content": "The"}, True),
        ({"role": "ASSISTANT", "content": "The"}, True),
        ({"role": "assistant", "content": ""}, False),
        ({"role": "assistant", "content": "", "thinking": "hm"}, False),
        (
            {"role": "assistant", "content": "x", "tool_calls": [{"function": {"name": "f"}}]},
            False,
        ),
        ({"role": "user", "content": "The"}, False),
        ({"role": "tool", "content": "The"}, False),
        ({"content": "The"}, False),
    ],
)
def test_an_answer_that_the_model_is_to_go_on_with(last, continued: bool):
    turns = [Message(role="user", content="hi"), Message.model_validate(last)]
    assert is_continued(turns) is continued
    assert is_continued([*turns, Message(role="user", content="and?")]) is False


def test_no_turns_are_no_begun_answer():
    assert is_continued([]) is False
