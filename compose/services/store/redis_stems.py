"""English words without their endings, by Porter's rules (1980), as SQLite's FTS5 cuts them.

Not by the Query Engine: it looks for a word and its stem as two, and how much both of them weigh
depends on what else is asked (seen with RediSearch 2.10).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

_LEAST, _MOST = 3, 63
"""Letters of a word that is cut."""
Endings = Sequence[tuple[str, str]]
"""What is taken off, what comes instead. A longer ending before one that it ends with."""

_SECOND: Endings = [
    *(("ational", "ate"), ("ization", "ize"), ("iveness", "ive"), ("fulness", "ful")),
    *(("ousness", "ous"), ("tional", "tion"), ("biliti", "ble"), ("entli", "ent")),
    *(("ousli", "ous"), ("ation", "ate"), ("alism", "al"), ("aliti", "al"), ("iviti", "ive")),
    *(("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("alli", "al"), ("ator", "ate")),
    *(("logi", "log"), ("bli", "ble"), ("eli", "e")),
]
_THIRD: Endings = [
    *(("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic")),
    *(("ical", "ic"), ("ness", ""), ("ful", "")),
]
_FOURTH: Endings = [
    *((ending, "") for ending in ("ement", "ment", "ance", "ence", "able", "ible", "ant", "ent")),
    *(
        (ending, "")
        for ending in ("ion", "ism", "ate", "iti", "ous", "ive", "ize", "al", "er", "ic")
    ),
    ("ou", ""),
]


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Of a word in small letters."""
    if not _LEAST <= len(word) <= _MOST:
        return word
    word = _without_past(_without_plural(word))
    if word.endswith("y") and "v" in _shape(word[:-1]):
        word = f"{word[:-1]}i"
    for endings, least in ((_SECOND, 1), (_THIRD, 1), (_FOURTH, 2)):
        word = _replaced(word, endings, least)
    return _without_e(word)


def _shape(word: str) -> str:
    """`v` for a vowel, `c` for any other sign; y is a vowel behind a consonant."""
    shape = ""
    for letter in word:
        vowel = letter in "aeiou" or (letter == "y" and shape.endswith("c"))
        shape += "v" if vowel else "c"
    return shape


def _measure(word: str) -> int:
    """How often a consonant follows a vowel: roughly, its syllables."""
    return _shape(word).count("vc")


def _short(word: str) -> bool:
    """Whether it ends like `hop`."""
    return _shape(word).endswith("cvc") and word[-1] not in "wxy"


def _without_plural(word: str) -> str:
    if word.endswith(("sses", "ies")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _without_past(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) else word
    for ending in ("ed", "ing"):
        left = word.removesuffix(ending)
        if left != word and "v" in _shape(left):
            return _mended(left)
    return word


def _mended(word: str) -> str:
    """`hopp` → `hop`, `hop` → `hope`, `conflat` → `conflate`: its ending has been taken off."""
    if word.endswith(("at", "bl", "iz")) or (_short(word) and _measure(word) == 1):
        return f"{word}e"
    double = len(word) > 1 and word[-1] == word[-2] and word[-1] not in "aeioulsz"
    return word[:-1] if double else word


def _replaced(word: str, endings: Endings, least: int) -> str:
    """By the first ending that it has, if what is before it measures so much."""
    for ending, other in endings:
        left = word.removesuffix(ending)
        if left != word and (ending != "ion" or left.endswith(("s", "t"))):
            return left + other if _measure(left) >= least else word
    return word


def _without_e(word: str) -> str:
    left = word.removesuffix("e")
    if left != word and (_measure(left) > 1 or (_measure(left) == 1 and not _short(left))):
        word = left
    return word[:-1] if word.endswith("ll") and _measure(word) > 1 else word
