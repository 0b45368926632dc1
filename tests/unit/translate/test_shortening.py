from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.translate.generation import Question
from adapter.translate.shortening import (
    bounded,
    cuts,
    droppable,
    prompt_text,
    room,
    text_to_tokenize,
    to_tokenize,
    with_prompt,
    without_middle,
    without_oldest,
)
from adapter.wire.ollama import ChatRequest

ROLES = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}


def turns(letters: str) -> list[dict[str, Any]]:
    """A turn for each letter, with its place as content."""
    return [{"role": ROLES[letter], "content": str(i)} for i, letter in enumerate(letters)]


def chat(letters: str, **more: Any) -> Question:
    return Question("chat/completions", {"model": "m", "messages": turns(letters), **more})


def request(letters: str) -> ChatRequest:
    return ChatRequest.model_validate({"model": "m", "messages": turns(letters)})


def places(asked: ChatRequest) -> list[int]:
    return [int(turn.content) for turn in asked.messages]


# --- turns ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("", []),
        ("u", []),
        ("su", []),
        ("uu", [0]),
        ("suau", [1, 2]),
        ("usausu", [0, 2, 3]),
        ("us", [0]),
        # A result at the end stays with the calls that it answers.
        ("uauatt", [0, 1, 2]),
        ("uat", [0]),
        ("at", []),
        ("tt", []),
        ("uatu", [0, 1, 2]),
    ],
)
def test_the_turns_that_may_go(letters: str, expected: list[int]):
    assert droppable(request(letters).messages) == expected


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("u", []),
        ("su", []),
        ("uu", [1]),
        # What is left begins with a user's turn, or with the last one.
        ("suauau", [2, 4]),
        ("susuau", [1, 3]),
        ("uauaa", [2, 4]),
        # Results go with their calls.
        ("uattuau", [4, 6]),
        ("tuau", [1, 3]),
        # An agent at work has one user's turn: any but a result may be the first.
        ("uatatat", [1, 3, 5]),
        ("uaaa", [1, 2, 3]),
    ],
)
def test_how_many_may_go(letters: str, expected: list[int]):
    assert cuts(request(letters).messages) == expected


def test_without_the_oldest():
    asked = request("suauau")
    shorter = without_oldest(asked, 3)
    assert places(shorter) == [0, 4, 5]
    assert shorter.model == "m"
    assert len(asked.messages) == 6
    assert places(without_oldest(asked, 9)) == [0, 5]


@given(st.text("suat", min_size=1, max_size=12))
def test_what_stays_keeps_its_order_and_what_must_not_go(letters: str):
    before = set(range(len(letters)))
    for count in cuts(request(letters).messages):
        kept = places(without_oldest(request(letters), count))
        assert kept == sorted(kept)
        assert len(kept) == len(letters) - count
        assert kept[-1] == len(letters) - 1
        assert {i for i, letter in enumerate(letters) if letter == "s"} <= set(kept)
        assert set(kept) < before
        before = set(kept)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a" * 64, ("a" * 64, False)), ("a" * 40 + "b" * 40, ("a" * 32 + "b" * 32, True))],
)
def test_of_a_text_many_times_the_window_the_ends_are_enough(text: str, expected: object):
    assert bounded(text, 2) == expected


@pytest.mark.parametrize(
    ("window", "max_tokens", "tokens"),
    [(4096, None, 512), (4096, 100, 100), (4096, 9999, 512), (4, None, 1), (8, 0, 1)],
)
def test_room_for_an_answer(window: int, max_tokens: int | None, tokens: int):
    assert room(window, max_tokens) == tokens


# --- what the engine is asked ---------------------------------------------------------------


def test_the_fields_that_decide_how_long_a_prompt_is():
    counted = {
        "tools": [{"type": "function"}],
        "chat_template_kwargs": {"thinking": True},
        "add_generation_prompt": False,
        "continue_final_message": True,
    }
    question = chat("u", stream=True, temperature=0, max_tokens=3, **counted)
    assert to_tokenize(question) == {"model": "m", "messages": turns("u"), **counted}


def test_a_text_by_itself():
    body = {"model": "m", "prompt": "hi", "add_special_tokens": False}
    assert text_to_tokenize(chat("u"), "hi") == body


# --- prompts --------------------------------------------------------------------------------

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
SEEN = [IMAGE, {"type": "text", "text": "hi"}]


def asked(content: Any) -> Question:
    messages = [{"role": "system", "content": "be"}, {"role": "user", "content": content}]
    return Question("chat/completions", {"messages": messages})


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (Question("completions", {"prompt": "hi"}), "hi"),
        (Question("completions", {"prompt": [1, 2]}), ""),
        (asked("hi"), "hi"),
        (asked(SEEN), "hi"),
        (asked([IMAGE]), ""),
    ],
)
def test_the_text_of_a_prompt(question: Question, text: str):
    assert prompt_text(question) == text


def test_another_prompt_in_its_place():
    completion = Question("completions", {"prompt": "hi", "seed": 1})
    assert with_prompt(completion, "yo").body == {"prompt": "yo", "seed": 1}
    assert with_prompt(completion, [1]).body == {"prompt": [1], "seed": 1}
    assert completion.body["prompt"] == "hi"
    assert with_prompt(asked("hi"), "yo") == asked("yo")
    assert with_prompt(asked(SEEN), "yo") == asked([IMAGE, {"type": "text", "text": "yo"}])


@pytest.mark.parametrize(
    ("count", "window", "around", "num_keep", "expected"),
    [
        (20, 10, 0, 4, [0, 1, 2, 3, 15, 16, 17, 18, 19]),
        (20, 10, 2, 2, [0, 1, 17, 18, 19]),
        (20, 10, 0, 0, [15, 16, 17, 18, 19]),
        (20, 10, 0, -1, [15, 16, 17, 18, 19]),
        # What is kept of the beginning is never more than of the end.
        (20, 10, 0, 99, [0, 1, 2, 3, 4, 15, 16, 17, 18, 19]),
        (20, 10, 99, 4, [0, 19]),
        (5, 10, 0, 4, [0, 1, 2, 3, 4]),
        (9, 10, 0, 4, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (0, 10, 0, 4, []),
    ],
)
def test_without_the_middle(count, window, around, num_keep, expected):
    assert without_middle(range(count), window, around, num_keep) == expected


@given(st.integers(0, 60), st.integers(2, 60), st.integers(-3, 80), st.integers(-(2**40), 2**40))
def test_a_middle_cut_is_never_longer_and_fits(count, window, around, num_keep):
    kept = without_middle(range(count), window, around, num_keep)
    assert kept == sorted(set(kept))
    assert len(kept) <= count
    if count:
        assert kept[-1] == count - 1
    if 0 <= around < window // 2:
        assert len(kept) + around <= window or len(kept) == count
