from __future__ import annotations

from services.grounding.asking import Answering, Retrieval, answer_limit, sampling, wants_json


def test_a_bare_text_is_a_question():
    assert Answering(messages="hi").messages == [{"role": "user", "content": "hi"}]  # type: ignore[arg-type]


def test_one_value_is_a_list_of_one():
    assert Retrieval.model_validate({"filters": {"name": "a.md"}}).filters == {"name": ["a.md"]}


def test_what_the_model_gets():
    body = {"messages": [], "k": 3, "stream": True, "temperature": 0, "min_p": 0.1, "stop": None}
    assert sampling(body) == {"temperature": 0, "min_p": 0.1}
    assert sampling({"max_new_tokens": 3, "streaming": True, "data": {}}) == {}


def test_the_length_of_an_answer():
    assert answer_limit({"max_tokens": 5}) == 5
    assert answer_limit({"max_tokens": 5, "max_completion_tokens": 7}) == 7
    assert answer_limit({"max_tokens": -1}) is None
    assert answer_limit({}) is None


def test_json_is_wanted():
    assert wants_json({"response_format": {"type": "json_schema"}})
    assert not wants_json({"response_format": {"type": "text"}})
    assert not wants_json({})
