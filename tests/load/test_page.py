from __future__ import annotations

from dataclasses import asdict

import pytest

from tests.load.page import BEGIN, END, PAGE, placed, section
from tests.load.test_report import AROUND, run, summarised


def test_the_results_stand_between_the_marks():
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = placed(page, "new")
    assert once == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    assert placed(once, "new") == once


def test_a_page_without_marks():
    with pytest.raises(ValueError, match="substring"):
        placed("before", "new")


def test_the_page_has_its_marks():
    assert placed(PAGE.read_text(), "") != PAGE.read_text()


def test_what_is_shown():
    around: dict[str, object] = asdict(AROUND)
    text = section(
        around, summarised(run("adapter", "lock200", 0.02), run("nginx", "lock200", 0.01))
    )
    assert "a machine · load average 0.10 at the start, 1.50 at the end" in text
    assert "| CPU per token ÷ nginx, 200 streams " in text
    assert "### lock200: 200 streams, token by token" in text
    assert "### short" not in text
