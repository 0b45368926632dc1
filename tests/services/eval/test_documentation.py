"""The questions about the project's own documentation fit the documentation."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.services.eval.documentation import anchors, pages, questions, slug

QUESTIONS = questions()
ANCHORS = {anchor for page in pages() for anchor in anchors(page)}


@pytest.mark.parametrize(
    ("heading", "made"),
    [
        ("On a CPU", "on-a-cpu"),
        ("78: what can't work", "78-what-cant-work"),
        ('`[models."NAME"]`', "modelsname"),
        ("3. keep_alive is what /api/ps shows", "3-keep_alive-is-what-apips-shows"),
        ("LlamaIndex, Haystack, litellm", "llamaindex-haystack-litellm"),
    ],
)
def test_an_anchor_is_that_of_a_link(heading: str, made: str):
    assert slug(heading) == made


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.text)
def test_every_answer_is_there(question):
    assert question.relevant - ANCHORS == set()


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.text)
def test_as_many_answers_as_the_kind_says(question):
    count = len(question.relevant)
    assert {"single": count >= 1, "multi": count >= 2, "unanswerable": count == 0}[question.kind]


def test_enough_of_each_kind_and_none_twice():
    kinds = Counter(question.kind for question in QUESTIONS)
    assert 60 <= len(QUESTIONS) <= 100
    assert kinds["multi"] >= 10
    assert kinds["unanswerable"] >= 10
    assert len({question.text for question in QUESTIONS}) == len(QUESTIONS)
