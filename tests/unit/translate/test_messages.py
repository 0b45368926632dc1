from __future__ import annotations

import pytest

from adapter.translate.messages import to_openai
from adapter.wire.ollama import Message


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
