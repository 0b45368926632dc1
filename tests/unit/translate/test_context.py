from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import BadRequest
from adapter.translate.context import to_openai, to_tokenize
from adapter.translate.target import Target
from adapter.wire.ollama import GenerateRequest

TARGET = Target("served", 4096)
# As a ChatML template has it: <|im_start|> 1, <|im_end|> 2, newline 3, roles and words above.
START, END, LINE, USER, ASSISTANT, YES, NO, HI = 1, 2, 3, 10, 11, 20, 21, 30
TURN = [END, LINE, START, USER, LINE, HI, END, LINE, START, ASSISTANT, LINE]
QUESTION = [START, USER, LINE, 40, END, LINE, START, ASSISTANT, LINE]
ONE, OTHER = [*QUESTION, YES, *TURN], [*QUESTION, NO, *TURN]


def asked(*context: int, **fields: Any) -> GenerateRequest:
    return GenerateRequest.model_validate({"prompt": "hi", "context": list(context), **fields})


def prompt(context: list[int], one: list[int] = ONE, other: list[int] = OTHER) -> Any:
    return to_openai(asked(*context), TARGET, [one, other]).body["prompt"]


def test_two_conversations_that_differ_in_an_answer_are_asked_about():
    assert to_tokenize(asked(1), TARGET) == [
        {
            "model": "served",
            "messages": [
                {"role": "user", "content": "?"},
                {"role": "assistant", "content": answer},
                {"role": "user", "content": "hi"},
            ],
        }
        for answer in ("yes", "no")
    ]


def test_a_model_that_thinks_is_asked_without():
    for body in to_tokenize(asked(1), Target("served", thinks=True)):
        assert body["chat_template_kwargs"] == {"enable_thinking": False, "thinking": False}


def test_an_answer_that_was_cut_gets_the_end_of_its_turn():
    assert prompt([5, 6, 7]) == [5, 6, 7, *TURN]


def test_an_answer_that_ended_has_it_already():
    assert prompt([5, 6, 7, END]) == [5, 6, 7, *TURN]
    assert prompt([5, 6, 7, END, LINE]) == [5, 6, 7, *TURN]


def test_an_end_that_looks_alike_is_no_overlap():
    """The newline is in the turn, but not at its beginning."""
    assert prompt([5, LINE]) == [5, LINE, *TURN]


def test_the_context_is_a_completion_with_ids():
    question = to_openai(asked(5, options={"num_predict": 3}, logprobs=True), TARGET, [ONE, OTHER])
    assert question.path == "completions"
    assert question.body["return_token_ids"] is True
    assert (question.body["max_tokens"], question.body["logprobs"]) == (3, 0)
    assert type(question.body["prompt"]) is list


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1, 2, 3], [4, 5, 6], [9]),
        ([], [], [9]),
        ([1, 7, 8], [7, 8], [9, 7, 8]),
        ([7, 8], [7, 8], [9, 7, 8]),
    ],
)
def test_conversations_of_other_lengths(one, other, expected):
    assert prompt([9], one, other) == expected


IDS = st.lists(st.integers(1, 4), max_size=30)


@given(IDS, IDS)
def test_nothing_of_context_or_turn_is_lost(context: list[int], turn: list[int]):
    found = prompt(context or [1], [90, *turn], [91, *turn])
    context = context or [1]
    assert found[: len(context)] == context
    assert found[len(found) - len(turn) :] == turn
    assert len(found) <= len(context) + len(turn)
    assert len(context) + len(turn) - len(found) <= 16


def test_a_system_text_of_the_request_is_part_of_the_new_turn():
    for body in to_tokenize(asked(1, system="be brief"), TARGET):
        assert body["messages"][2:] == [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hi"},
        ]


def test_a_template_that_the_engine_does_not_know_can_not_be_gone_on_with():
    with pytest.raises(BadRequest, match="context can't be combined with a template"):
        to_tokenize(asked(1), Target("s", template="{{ .Prompt }}"))
