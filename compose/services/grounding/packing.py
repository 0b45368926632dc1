"""How many passages fit."""

from __future__ import annotations

from collections.abc import Sequence

SPARE_TOKENS = 16
"""For what a template adds between passages."""
TEMPLATE_TOKENS = 512
"""More than any template adds of its own."""
RESERVED = 1024
"""Tokens kept for an answer whose length nobody set."""


def at_most(texts: Sequence[str]) -> int:
    """Tokens that a conversation of these turns has at most: none is shorter than a byte, and
    templates add little."""
    return sum(len(text.encode()) for text in texts) + TEMPLATE_TOKENS


def room(window: int, wanted: int | None, most: int = 0) -> int:
    """Tokens for the prompt: the window less the answer; `most` is a bound of the settings."""
    answer = wanted if wanted is not None else min(RESERVED, window // 4)
    left = max(window - answer, 0)
    return min(left, most) if most else left


def dropped(sizes: Sequence[int], excess: int) -> int:
    """How many of the passages, from the worst (the last) on, are as long as the excess."""
    count, saved = 0, 0
    while saved < excess and count < len(sizes):
        count += 1
        saved += sizes[-count] - SPARE_TOKENS if sizes[-count] > SPARE_TOKENS else sizes[-count]
    return count


def estimated(text: str) -> int:
    """Tokens, where no engine counts them: on the safe side for English, near for other scripts."""
    return len(text.encode()) // 3 + 1
