"""How many passages fit."""

from __future__ import annotations

from collections.abc import Sequence

TEMPLATE_TOKENS = 512
"""More than any template adds of its own."""
RESERVED = 1024
"""Tokens kept for an answer whose length nobody set."""


def at_most(texts: Sequence[str]) -> int:
    """Tokens that a conversation of these turns has at most: none is shorter than a byte, and
    templates add little."""
    return sum(len(text.encode()) for text in texts) + TEMPLATE_TOKENS


def room(window: int, wanted: int | None, most: int = 0) -> int:
    """Tokens for the prompt: the window less the answer; `most` is a bound of the settings.

    What a client wants is the most that the answer may have, and many say the whole window: more
    than a half is not kept for it. An engine ends an answer where the window does.
    """
    answer = min(RESERVED, window // 4) if wanted is None else min(wanted, window // 2)
    left = window - answer
    return min(left, most) if most else left


def kept(sizes: Sequence[int], excess: int) -> list[int]:
    """The places of the passages that stay. The worst (the last) go, until as much is gone as the
    excess; of these come back those that need not have gone, as one of the others was so long."""
    stay, gone, saved = list(range(len(sizes))), list[int](), 0
    while stay and saved < excess:
        gone.insert(0, stay.pop())
        saved += sizes[gone[0]]
    for place in gone:
        if saved - sizes[place] >= excess:
            saved -= sizes[place]
            stay.append(place)
    return stay


def estimated(text: str) -> int:
    """Tokens, where no engine counts them: on the safe side for English, near for other scripts."""
    return len(text.encode()) // 3 + 1
