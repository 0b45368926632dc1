"""Text with the statistics of English: words by Zipf's law, the most frequent ones stop words."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray
from services.store.terms import STOP_WORDS

WORDS = 50_000
"""Of the vocabulary. What a large collection has beyond them are rare words and misspellings."""


class Prose:
    def __init__(self, seed: int) -> None:
        self._draw = np.random.default_rng(seed)
        self._words = np.array([*sorted(STOP_WORDS), *invented()][:WORDS])
        shares = 1 / (np.arange(len(self._words)) + 2.7)  # Mandelbrot's correction
        self._bounds = np.cumsum(shares / shares.sum())

    def texts(self, count: int, length: int) -> list[str]:
        return [" ".join(row) for row in self._drawn((count, length))]

    def questions(self, count: int, telling: int) -> list[str]:
        """With so many words that are no stop words, each drawn as a text's words are."""
        rows = self._drawn((count, telling * 8))
        return [
            " ".join([word for word in row if word not in STOP_WORDS][:telling]) for row in rows
        ]

    def _drawn(self, shape: tuple[int, int]) -> NDArray[np.str_]:
        places = np.searchsorted(self._bounds, self._draw.random(shape), side="right")
        return self._words[np.minimum(places, len(self._words) - 1)]


def invented() -> list[str]:
    """Words that no stemmer makes equal."""
    starts, middles, ends = "bdfghklmnprstvz", "aeiou", "bfgklmnprtvx"
    syllables = ["".join(parts) for parts in product(starts, middles)]
    return [a + b + c for c in ends for a, b in product(syllables, syllables)]
