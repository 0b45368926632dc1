"""Words and their stems: what SQLite finds for a word, Redis does."""

from __future__ import annotations

import random
import sqlite3

import pytest
from services.store.redis_stems import stem

PARTS = (
    *("at", "bl", "ing", "ed", "y", "iz", "ation", "ly", "ment", "ous", "s", "ss", "es", "e", "ll"),
    *("er", "ic", "al", "ful", "ness", "ive", "i", "li", "sion", "tion", "tr", "ee", "eed", "qu"),
    *("b", "o", "w", "x", "ational", "alize", "logi", "an"),
)


@pytest.mark.parametrize(
    ("word", "left"),
    [
        *(("cats", "cat"), ("caresses", "caress"), ("ponies", "poni"), ("agreed", "agre")),
        *(("hopping", "hop"), ("hoping", "hope"), ("sing", "sing"), ("happy", "happi")),
        *(("relational", "relat"), ("biology", "biologi"), ("adoption", "adopt")),
        *(("is", "is"), ("", ""), ("häuser", "häuser"), ("x_y", "x_y"), ("1984s", "1984")),
        ("s" * 64, "s" * 64),
    ],
)
def test_stems(word: str, left: str):
    assert stem(word) == left


def test_they_are_those_of_sqlite():
    letters = random.Random(7)
    words = {"".join(letters.choices(PARTS, k=letters.randint(2, 5))) for _ in range(20_000)}
    asked = sorted(word for word in words if 5 < len(word) < 60)
    with sqlite3.connect(":memory:") as db:
        db.execute("CREATE VIRTUAL TABLE words USING fts5(word, tokenize = 'porter')")
        db.execute("CREATE VIRTUAL TABLE stems USING fts5vocab(words, 'instance')")
        db.executemany("INSERT INTO words (rowid, word) VALUES (?, ?)", enumerate(asked))
        stems = dict(db.execute("SELECT doc, term FROM stems"))
    assert [stem(word) for word in asked] == [stems[row] for row in range(len(asked))]
