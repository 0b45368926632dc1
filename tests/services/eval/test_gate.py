"""Retrieval in the project's own documentation is not worse than it was.

`make eval` prints the figures, and what was not found. A change for the better may raise the
floors; a page that is new or moved may cost a question or two, for which there is room.
"""

from __future__ import annotations

import pytest

from tests.services.eval.documentation import documentation
from tests.services.eval.floors import FLOORS
from tests.services.eval.report import gains, shares
from tests.services.eval.ways import by_default


async def test_the_default_search_is_as_good_as_it_was():
    async with documentation() as judged:
        questions = judged.answerable
        rankings = [await by_default(judged, one) for one in questions]
    pairs = zip(questions, rankings, strict=True)
    missed = [one.text for one, ranking in pairs if not one.relevant & set(ranking)]
    for measure, values in (("recall@10", shares), ("nDCG@10", gains)):
        mean = sum(values(questions, rankings)) / len(questions)
        assert mean >= FLOORS[measure], f"{measure}; nothing found for: {missed}"


@pytest.mark.parametrize("text", ["How do I give a model a name of its own in adapter.toml?"])
async def test_a_section_is_found_and_named_as_a_link_would(text: str):
    from tests.services.eval.judged import Question

    async with documentation() as judged:
        ranking = await by_default(judged, Question(text, frozenset()))
    assert "docs/howto/before-an-existing-vllm.md#with-names-of-your-own" in ranking
