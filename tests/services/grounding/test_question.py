from __future__ import annotations

import pytest
from services.grounding import question


def turn(role: str, content: object) -> dict[str, object]:
    return {"role": role, "content": content}


def test_the_last_turn_of_the_user():
    turns = [turn("user", "one"), turn("assistant", "two"), turn("user", "three")]
    assert question.last_question(turns) == "three"
    assert question.last_question([*turns, turn("assistant", "four")]) == "three"
    assert question.last_question([]) == ""
    parts = [{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}]
    assert question.last_question([turn("user", parts)]) == "a\nb"
    for odd in (5, {}, [1, None], [{"text": 3}], None):
        assert question.last_question([turn("user", odd)]) == ""


@pytest.mark.parametrize(
    "text",
    [
        "### Task:\nGenerate tags.\n### Chat History:\n<chat_history>\nUSER: x\n</chat_history>",
        '### Task:\nSuggest follow-ups.\nJSON format: { "follow_ups": [] }',
        "  ### Task:\nYou are an autocompletion system.\n<text>x</text>",
        "Your task is to reflect the speaker's likely facial expression through a fitting emoji. "
        "Interpret emotions from the message.\n\nMessage: ```hello```",
        "You have been provided with a set of responses from various models to the latest user "
        'query: "x"\n\nYour task is to synthesize these responses.',
    ],
)
def test_a_user_interface_asks(text: str):
    assert question.is_aside([turn("user", text)])
    earlier = [turn("user", "cats?"), turn("assistant", "yes")]
    assert question.is_aside([*earlier, turn("user", text)])
    assert not question.is_aside([turn("user", text), *earlier])


def test_a_user_interface_asks_for_a_tool():
    tools = turn("system", 'Available Tools: [{"name": "weather"}]\n\nYour task is to choose')
    assert question.is_aside([tools, turn("user", "Query: History:\nUSER: x\nQuery: rain?")])


@pytest.mark.parametrize("text", ["What is a task?", "### Task: tell me of cats", "<chat_history>"])
def test_a_user_asks(text: str):
    assert not question.is_aside([turn("system", "Be brief."), turn("user", text)])


def test_a_follow_up_has_turns_before_it():
    assert not question.is_follow_up([turn("system", "s"), turn("user", "a")])
    assert question.is_follow_up([turn("user", "a"), turn("assistant", "b"), turn("user", "c")])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('"When do cats eat?"\n', "When do cats eat?"),
        ("", ""),
        ("One.\nTwo.", ""),
        ("x" * 1000, ""),
        ("?", ""),
    ],
)
def test_a_model_may_not_give_a_question(answer: str, expected: str):
    assert question.condensed(answer, "When?") == expected
