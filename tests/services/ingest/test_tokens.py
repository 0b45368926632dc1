from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.ingest.tokens import estimated


@given(st.text(), st.text())
def test_additive(one: str, other: str):
    assert estimated(one + other) == estimated(one) + estimated(other)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("word", 1), ("{1};", 4), ("日本", 3), ("мир", 3), ("\ud800", 1)],
)
def test_by_kinds_of_characters(text: str, tokens: float):
    assert estimated(text) == tokens
