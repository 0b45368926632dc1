"""A question → the words that are looked for."""

from __future__ import annotations

import re

MOST_TERMS = 32
"""Beyond it a question is a text; each term costs a walk through its postings."""

_STOP_WORDS = """
a about above after again all also am an and any are as at be because been before being below
between both but by can could did do does doing down during each few for from further had has have
having he her here hers him his how i if in into is it its itself just me more most my no nor not
of off on once only or other our out over own same she should so some such than that the their them
then there these they this those through to too under until up very was we were what when where
which while who whom why will with would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


def terms(question: str) -> list[str]:
    """Words in their order, each once, stop words left out unless there is nothing else."""
    words = list(dict.fromkeys(re.findall(r"\w+", question.lower())))
    telling = [word for word in words if word not in STOP_WORDS]
    return (telling or words)[:MOST_TERMS]


def any_of(question: str) -> str:
    """The question in FTS5's language: any of its words. Quoted, so that none is an operator."""
    return " OR ".join(f'"{term}"' for term in terms(question))
