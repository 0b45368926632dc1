from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from services.engines.embedder import Embedding, normalised
from services.engines.http import Origin
from services.errors import EngineError
from services.settings import Settings
from services.store.model import Model, Vectors


class Counting:
    """Vectors that tell the place of a text among all; `fails` at a text."""

    def __init__(self, fails: str = "") -> None:
        self.batches: list[list[str]] = []
        self.fails = fails

    async def model_id(self) -> str:
        return "m:latest"

    async def raw(self, texts: Sequence[str], origin: Origin | None = None) -> Vectors:
        self.batches.append(list(texts))
        if self.fails in texts:
            raise EngineError("boom")
        return np.array([[float(text.rpartition(" ")[2])] for text in texts], np.float32)


SETTINGS = Settings(embedding_batch=3, query_prefix="q: ", passage_prefix="p: ")


async def test_batches_keep_their_order():
    embedder = Counting()
    vectors = await Embedding(embedder, SETTINGS).passages([str(n) for n in range(8)])
    assert vectors[:, 0].tolist() == list(range(8))
    assert [len(batch) for batch in embedder.batches] == [3, 3, 2]
    assert embedder.batches[0] == ["p: 0", "p: 1", "p: 2"]


async def test_one_failure_fails_all():
    with pytest.raises(EngineError, match="boom"):
        await Embedding(Counting("p: 5"), SETTINGS).passages([str(n) for n in range(8)])


async def test_prefixes_are_part_of_the_model():
    embedder = Counting()
    embedding = Embedding(embedder, SETTINGS)
    assert await embedding.model(3) == Model("m", 3, "q: ", "p: ")
    await embedding.query("1", Origin("x"))
    await embedding.plain(["1"], Origin("x"))
    assert embedder.batches == [["q: 1"], ["1"]]


@pytest.mark.parametrize(
    "rows", [[[0, 0]], [[np.nan, 1]], [[np.inf, 1]], [1, 2], [[1, 0]] * 2, [[]]]
)
def test_no_vector_without_a_direction(rows: list[object]):
    with pytest.raises(EngineError):
        normalised(np.array(rows, np.float32), 1)


def test_length_one():
    assert normalised(np.array([[3, 4]], np.float32), 1).tolist() == [
        [0.6000000238418579, 0.800000011920929]
    ]
