"""The embedder for quality tests: the same vectors on every machine, no download."""

from __future__ import annotations

import pytest

pytest.importorskip("wordllama", reason="wordllama is not installed")


async def test_what_is_alike_is_near():
    from services.engines.wordllama import WordLlama

    embedder = WordLlama()
    cat, kitten, bank = await embedder.raw(["a cat", "a kitten", "the bank raised its rates"])
    assert cat.shape == (256,)
    assert cat @ kitten > cat @ bank
    again = await embedder.raw(["a cat"])
    assert (again[0] == cat).all()
