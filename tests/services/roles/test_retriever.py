from __future__ import annotations

from typing import Any

import pytest

from tests.services.house import DIMENSION, Rag, Stack, bag
from tests.support.scripted_vllm import EMBEDDINGS

FILES = (
    ("cats.md", b"# Cats\n\nCats sleep all day long.\n\n## Food\n\nCats eat fish.\n"),
    ("dogs.txt", b"Dogs bark at night."),
)


async def ask(rag: Rag, **body: Any) -> Any:
    return (await rag.post("retriever", "/v1/retrieval", body)).json


async def test_opeas_first_form(rag: Rag):
    await rag.upload(*FILES)
    found = await ask(rag, text="Do dogs bark?", embedding=bag("dogs bark"), k=2)
    assert found["initial_query"] == "Do dogs bark?"
    assert found["top_n"] == 1
    assert found["retrieved_docs"][0]["text"] == "Dogs bark at night."
    assert len(found["retrieved_docs"]) == len(found["metadata"]) == 2
    assert found["metadata"][0].items() >= {"file": "dogs.txt", "position": 0}.items()


async def test_opeas_second_form(rag: Rag):
    await rag.upload(*FILES)
    found = await ask(rag, input="dogs bark", k=1)
    [row] = found["retrieved_docs"]
    assert row["text"] == "Dogs bark at night."
    assert row["metadata"]["file"] == "dogs.txt"


async def test_a_chat_comes_back_enriched(rag: Rag):
    await rag.upload(*FILES)
    body = {"messages": [{"role": "user", "content": "dogs bark"}], "temperature": 0.5, "k": 1}
    found = await ask(rag, **body)
    assert found.items() >= body.items()
    assert found["documents"] == ["Dogs bark at night."]
    assert found["initial_query"] == "dogs bark"


@pytest.mark.parametrize(
    ("how", "count"),
    [
        ({"search_type": "hybrid"}, 3),
        ({"search_type": "lexical"}, 1),
        ({"search_type": "similarity"}, 3),
        ({"search_type": "similarity", "score_threshold": 0.99}, 3),
        ({"search_type": "similarity_score_threshold"}, 2),
        ({"search_type": "similarity_score_threshold", "score_threshold": 0.5}, 1),
        ({"search_type": "similarity_score_threshold", "score_threshold": 0.999}, 0),
        ({"search_type": "similarity_distance_threshold", "distance_threshold": 0.5}, 1),
        ({"search_type": "mmr", "lambda_mult": 0.2, "fetch_k": 2, "k": 2}, 2),
        ({"search_type": "mmr", "score_threshold": 0.5}, 1),
        ({"search_type": "hybrid", "score_threshold": 0.5}, 1),
        ({"search_type": "similarity", "filters": {"name": "cats.md"}}, 2),
    ],
)
async def test_ways_to_search(rag: Rag, how: dict[str, Any], count: int):
    await rag.upload(*FILES)
    found = await ask(rag, text="dogs bark", **how)
    assert len(found["retrieved_docs"]) == count


async def test_what_words_find_is_let_through_though_others_are_nearer(rag: Rag):
    await rag.upload(*FILES)
    asked = {"text": "dogs", "embedding": bag("cats cats sleep dogs"), "k": 1, "fetch_k": 1}
    asked |= {"search_type": "hybrid", "dense_weight": 0.1}
    for more in ({}, {"score_threshold": 0.1}):
        found = await ask(rag, **asked, **more)
        assert [one["file"] for one in found["metadata"]] == ["dogs.txt"]
    found = await ask(rag, **asked, score_threshold=0.5)
    assert [one["file"] for one in found["metadata"]] == ["cats.md"]


async def test_the_given_vector_is_used(stack: Stack, rag: Rag):
    await rag.upload(*FILES)
    asked = stack.embed.asked.count(f"POST {EMBEDDINGS}")
    for how in ("mmr", "similarity_score_threshold", "similarity", "hybrid"):
        await ask(rag, text="x", embedding=bag("dogs bark"), search_type=how)
    await ask(rag, text="dogs", search_type="lexical")
    assert stack.embed.asked.count(f"POST {EMBEDDINGS}") == asked


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({}, 400, "a question is needed"),
        ({"text": " "}, 400, "a question is needed"),
        ({"text": "x", "search_type": "magic"}, 400, "search_type"),
        ({"text": "x", "embedding": ["a"]}, 400, "embedding"),
        ({"text": "x", "embedding": [0, 0]}, 400, "not all zero"),
        ({"text": "x", "embedding": [1, 2]}, 409, f"dimension {DIMENSION}, not 2"),
        ({"text": "x", "k": 0}, 400, "k:"),
    ],
)
async def test_what_is_refused(rag: Rag, body: dict[str, Any], status: int, text: str):
    await rag.upload(*FILES)
    reply = await rag.post("retriever", "/v1/retrieval", body)
    assert reply.status == status
    assert text in reply.json["error"]["message"]


async def test_an_index_that_is_not_there_has_nothing(rag: Rag):
    assert (await ask(rag, text="x"))["retrieved_docs"] == []
