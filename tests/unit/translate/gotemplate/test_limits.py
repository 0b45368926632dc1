from __future__ import annotations

import pytest

from adapter.translate.gotemplate.limits import (
    MOST_CHARACTERS,
    MOST_STEPS,
    Budget,
    TemplateError,
    excerpt,
)


def test_steps_come_to_an_end():
    budget = Budget()
    budget.step(MOST_STEPS)
    with pytest.raises(TemplateError, match=r"^template: : takes more than 250000 steps$"):
        budget.step()


def test_characters_come_to_an_end():
    budget = Budget()
    budget.spend(MOST_CHARACTERS)
    with pytest.raises(TemplateError, match=r"^template: : makes more than 33554432 characters$"):
        budget.spend(1)


@pytest.mark.parametrize(
    ("text", "shown"), [("a" * 200, "a" * 200), ("a" * 201, "a" * 200 + "...")]
)
def test_an_excerpt_is_short(text, shown):
    assert excerpt(text) == shown
