from __future__ import annotations

import ast

from tests.services.eval.docstrings import docstrings, item_of, items

REST = "The text goes on for long enough to be found by somebody who looks for it " * 2
SOURCE = f'''
class Cat:
    """A cat that sleeps on every mat.

    {REST}
    """

    def purr(self):
        "short"

    async def sleep(self):
        """Sleep until somebody calls the cat.

        {REST}
        """
'''


def test_every_docstring_has_its_name():
    assert [name for name, _ in docstrings(ast.parse(SOURCE))] == ["Cat", "purr", "sleep"]


def test_a_question_is_the_first_paragraph_without_the_name():
    item = item_of("Cat", f"A cat that\nsleeps on every mat.\n\n{REST}")
    assert item is not None
    assert (item.question, item.text) == ("A that sleeps on every mat.", REST.strip())


def test_what_says_too_little_is_no_item():
    assert item_of("f", "Do it.\n\n" + REST) is None
    assert item_of("f", "Do what somebody wants of it.\n\nNo more.") is None


def test_what_is_there_twice_is_asked_for_once():
    assert len(items(iter([SOURCE, SOURCE]))) == 1, "both docstrings go on alike"
