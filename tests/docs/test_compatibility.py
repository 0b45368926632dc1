"""The page of compatibility says nothing that its run doesn't show."""

from __future__ import annotations

import pytest

from docs.compatibility import SHOW_A_CHECK, SHOW_A_DEVIATION, NotShown, names_of, require
from tests.support.deviations import DEVIATIONS

A_TEST = "docs/test_compatibility.py::test_what_shows_it"


@pytest.mark.parametrize(
    ("verdict", "good"),
    [
        ("passed", SHOW_A_CHECK),
        ("as Ollama", SHOW_A_CHECK),
        ("passed", SHOW_A_DEVIATION),
        ("other than Ollama", SHOW_A_DEVIATION),
    ],
)
def test_what_shows_it(verdict: str, good: tuple[str, ...]) -> None:
    require("it", ("A-1", A_TEST), {"A-1": verdict}, good)


@pytest.mark.parametrize(
    ("verdict", "good"),
    [
        ("failed", SHOW_A_CHECK),
        ("not applicable", SHOW_A_CHECK),
        ("other than Ollama", SHOW_A_CHECK),
        ("failed", SHOW_A_DEVIATION),
        ("not applicable", SHOW_A_DEVIATION),
        ("as Ollama", SHOW_A_DEVIATION),
    ],
)
def test_what_does_not(verdict: str, good: tuple[str, ...]) -> None:
    with pytest.raises(NotShown, match=f"it: A-2 is {verdict}"):
        require("it", ("A-1", "A-2"), {"A-1": "passed", "A-2": verdict}, good)


@pytest.mark.parametrize("name", ["A-3", "docs/test_compatibility.py::test_none", "none.py::test"])
def test_what_is_neither_statement_nor_test(name: str) -> None:
    with pytest.raises(LookupError, match=name):
        require("it", (name,), {"A-1": "passed"}, SHOW_A_CHECK)


def test_names() -> None:
    assert names_of(("A-1", A_TEST)) == f"A-1, `{A_TEST}`"
    assert names_of(()) == "no test yet"


def test_every_deviation_has_its_reason() -> None:
    assert all(row.ollama and row.ours and row.why for row in DEVIATIONS)
