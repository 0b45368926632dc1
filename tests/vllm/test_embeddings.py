"""Vectors of the real engine."""

import math

import pytest

from tests.support.raw_http import post

MODEL = {"model": "tiny-bert-embed"}
TEXTS = ["hello there", "bye", "what is the time?", "hello there"]


def norm(vector: list[float]) -> float:
    return math.sqrt(math.fsum(value * value for value in vector))


async def direct(engine, inputs: list[str], **fields) -> dict:
    reply = await post(engine.url, "/v1/embeddings", MODEL | {"input": inputs} | fields)
    assert reply.status == 200, reply.text
    return reply.json


async def test_a_batch_in_its_order(embedding_engine, embedding):
    expected = await direct(embedding_engine, TEXTS)
    reply = await embedding.post("/api/embed", MODEL | {"input": TEXTS})
    assert reply.status == 200
    vectors = reply.json["embeddings"]
    for ours, theirs in zip(vectors, expected["data"], strict=True):
        assert ours == pytest.approx(theirs["embedding"], abs=2e-3)
        assert norm(ours) == pytest.approx(1, abs=1e-5)
    assert vectors[0] == pytest.approx(vectors[3], abs=2e-3)
    assert vectors[0] != pytest.approx(vectors[1], abs=1e-2)
    assert reply.json["prompt_eval_count"] == expected["usage"]["prompt_tokens"]
    assert reply.json["total_duration"] > 0
    assert reply.json["load_duration"] > 0


async def test_each_alone_is_the_same_as_together(embedding):
    together = (await embedding.post("/api/embed", MODEL | {"input": TEXTS[:3]})).json
    for text, expected in zip(TEXTS, together["embeddings"], strict=False):
        [alone] = (await embedding.post("/api/embed", MODEL | {"input": text})).json["embeddings"]
        assert alone == pytest.approx(expected, abs=5e-3)


async def test_dimensions(embedding):
    [whole] = (await embedding.post("/api/embed", MODEL | {"input": "hello"})).json["embeddings"]
    body = MODEL | {"input": "hello", "dimensions": 16}
    [cut] = (await embedding.post("/api/embed", body)).json["embeddings"]
    length = norm(whole[:16])
    assert cut == pytest.approx([value / length for value in whole[:16]], abs=2e-3)
    assert norm(cut) == pytest.approx(1, abs=1e-5)


async def test_too_long_an_input_is_cut(embedding):
    reply = await embedding.post("/api/embed", MODEL | {"input": ["hello " * 2000, "bye"]})
    assert reply.status == 200
    assert [round(norm(vector), 3) for vector in reply.json["embeddings"]] == [1, 1]
    assert reply.json["prompt_eval_count"] >= 256


@pytest.mark.parametrize("text", ["hello " * 400, "hello " * 20_000])
async def test_too_long_an_input_is_refused_on_demand(embedding, text: str):
    reply = await embedding.post("/api/embed", MODEL | {"input": [text], "truncate": False})
    assert reply.status == 400
    assert reply.json == {"error": "the input length exceeds the context length"}


async def test_empty_inputs(embedding):
    reply = await embedding.post("/api/embed", MODEL | {"input": []})
    assert reply.json == {"model": "tiny-bert-embed", "embeddings": []}
    reply = await embedding.post("/api/embed", MODEL | {"input": ["", "a"]})
    assert [len(vector) for vector in reply.json["embeddings"]] == [64, 64]


async def test_the_older_route_gives_the_raw_vector(embedding_engine, embedding):
    expected = await direct(embedding_engine, ["hello there"], use_activation=False)
    reply = await embedding.post("/api/embeddings", MODEL | {"prompt": "hello there"})
    assert list(reply.json) == ["embedding"]
    assert reply.json["embedding"] == pytest.approx(expected["data"][0]["embedding"], abs=2e-2)
    assert norm(reply.json["embedding"]) != pytest.approx(1, abs=0.05)


async def test_it_does_not_talk(embedding):
    body = MODEL | {"prompt": "hi", "messages": [{"role": "user", "content": "hi"}]}
    for path, word in (("/api/chat", "chat"), ("/api/generate", "generate")):
        reply = await embedding.post(path, body)
        assert reply.status == 400
        assert reply.json == {"error": f'"tiny-bert-embed" does not support {word}'}
    shown = (await embedding.post("/api/show", MODEL)).json
    assert shown["capabilities"] == ["embedding"]
    assert shown["model_info"]["bert.embedding_length"] == 64
