"""The collection's three formats, in a few lines of the same kind."""

from __future__ import annotations

from tests.services.eval.cranfield import abstracts, questions

DOCUMENTS = """.I 1
.T
wings in a
slipstream .
.A
a. author
.B
a journal, 1958.
.W
wings in a
slipstream .
  a study was made .
.I 2
.T
nothing more
.A
.B
.W
"""
ASKED = """.I 001
.W
what about
wings .
.I 004
.W
what about heat .
.I 009
.W
what about nothing .
"""
JUDGED = """1 184 2\x20
1 29 1
1 486 -1
2 5 4
2 6 5
3 7 0
"""


def test_an_abstract_has_its_title_as_header():
    [abstract] = abstracts(DOCUMENTS)
    assert (abstract.key, abstract.header) == ("1", "wings in a\nslipstream .")
    assert abstract.text.endswith("a study was made .")


def test_judgments_count_questions_by_their_place():
    first, second = questions(ASKED, JUDGED)
    assert (first.text, first.relevant) == ("what about wings .", {"184", "29"})
    assert (second.text, second.relevant) == ("what about heat .", {"5"})
