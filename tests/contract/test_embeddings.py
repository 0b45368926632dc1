"""/api/embed and the older /api/embeddings."""

import json
import math

import pytest

from tests.support import plays, words
from tests.support.recordings import recording

EMBED = {"model": "tiny-embed"}
RECORDED = [row["embedding"] for row in json.loads(recording("embed_batch").body)["data"]]


def norm(vector: list[float]) -> float:
    return math.sqrt(math.fsum(value * value for value in vector))


async def test_a_recorded_batch(scripted_embedder, embedder):
    scripted_embedder.play = plays.recorded("embed_batch")
    reply = await embedder.post("/api/embed", EMBED | {"input": ["hello there", "bye"]})
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("application/json")
    keys = ["model", "embeddings", "total_duration", "load_duration", "prompt_eval_count"]
    assert list(reply.json) == keys
    assert reply.json["model"] == "tiny-embed"
    for ours, theirs in zip(reply.json["embeddings"], RECORDED, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-6)
        assert norm(ours) == pytest.approx(1, abs=1e-6)
    usage = json.loads(recording("embed_batch").body)["usage"]
    assert reply.json["prompt_eval_count"] == usage["prompt_tokens"]
    assert reply.json["total_duration"] > 0
    assert type(reply.json["load_duration"]) is int


async def test_the_order_is_that_of_the_inputs(scripted_embedder, embedder):
    """vLLM numbers its rows; their place in the list does not count."""
    whole = json.loads(recording("embed_batch").body)
    whole["data"].reverse()
    scripted_embedder.play = plays.refuse(200, whole)
    reply = await embedder.post("/api/embed", EMBED | {"input": ["hello there", "bye"]})
    assert reply.json["embeddings"][0] == pytest.approx(RECORDED[0], abs=1e-6)


@pytest.mark.parametrize("name", ["embed_base64", "embed_single"])
async def test_both_encodings_are_read(scripted_embedder, embedder, name: str):
    scripted_embedder.play = plays.recorded(name)
    reply = await embedder.post("/api/embed", EMBED | {"input": "hello there"})
    assert reply.json["embeddings"][0] == pytest.approx(RECORDED[0], abs=1e-6)


async def test_all_inputs_go_in_one_request(scripted_embedder, embedder):
    inputs = [f"text {number}" for number in range(100)]
    reply = await embedder.post("/api/embed", EMBED | {"input": inputs})
    assert len(reply.json["embeddings"]) == 100
    [body] = scripted_embedder.bodies
    assert (body["model"], body["input"]) == ("tiny-embed", inputs)
    assert reply.json["prompt_eval_count"] == 100 * words.TOKENS_PER_INPUT


@pytest.mark.parametrize(
    ("request_", "cut"), [({}, -1), ({"truncate": True}, -1), ({"truncate": None}, -1)]
)
async def test_too_long_an_input_is_cut_unless_told_otherwise(
    scripted_embedder, embedder, request_, cut
):
    reply = await embedder.post("/api/embed", EMBED | {"input": "w " * 600} | request_)
    assert reply.status == 200
    assert scripted_embedder.bodies[0]["truncate_prompt_tokens"] == cut


async def test_truncate_false_refuses_too_long_an_input(scripted_embedder, embedder):
    body = EMBED | {"input": ["short", "w " * 600], "truncate": False}
    reply = await embedder.post("/api/embed", body)
    assert reply.status == 400
    assert reply.json == {"error": "the input length exceeds the context length"}
    assert "truncate_prompt_tokens" not in scripted_embedder.bodies[0]


@pytest.mark.parametrize("dimensions", [1, 16, 63])
async def test_dimensions_cut_and_normalise(scripted_embedder, embedder, dimensions: int):
    """Also of a model that knows nothing of dimensions."""
    scripted_embedder.play = plays.recorded("embed_single")
    body = EMBED | {"input": "hello there", "dimensions": dimensions}
    [vector] = (await embedder.post("/api/embed", body)).json["embeddings"]
    length = norm(RECORDED[0][:dimensions])
    assert vector == pytest.approx([v / length for v in RECORDED[0][:dimensions]], abs=1e-6)


@pytest.mark.parametrize("dimensions", [0, None, -1, 64, 1000])
async def test_other_dimensions_are_ignored(scripted_embedder, embedder, dimensions):
    scripted_embedder.play = plays.recorded("embed_single")
    body = EMBED | {"input": "hello there", "dimensions": dimensions}
    [vector] = (await embedder.post("/api/embed", body)).json["embeddings"]
    assert len(vector) == 64


@pytest.mark.parametrize("request_", [{}, {"input": ""}, {"input": []}, {"input": None}])
async def test_no_input_only_loads(scripted_embedder, embedder, request_):
    reply = await embedder.post("/api/embed", EMBED | request_)
    assert (reply.status, reply.json) == (200, {"model": "tiny-embed", "embeddings": []})
    assert scripted_embedder.seen == []


@pytest.mark.parametrize("value", [5, True, {"a": 1}, [1, 2], ["a", 1], [["a"]]])
async def test_an_input_of_another_kind(scripted_embedder, embedder, value):
    reply = await embedder.post("/api/embed", EMBED | {"input": value})
    assert (reply.status, reply.json) == (400, {"error": "invalid input type"})
    assert scripted_embedder.seen == []


async def test_a_vector_with_nan_is_refused(scripted_embedder, embedder):
    whole = json.loads(recording("embed_base64").body)
    whole["data"][0]["embedding"] = words.encoded([math.nan, 1.0])
    scripted_embedder.play = plays.refuse(200, whole)
    reply = await embedder.post("/api/embed", EMBED | {"input": "a"})
    assert reply.status == 400
    assert reply.json == {"error": "embedding contains NaN or Inf values"}


async def test_a_vector_too_few_is_a_fault_of_the_engine(scripted_embedder, embedder):
    scripted_embedder.play = plays.recorded("embed_single")
    reply = await embedder.post("/api/embed", EMBED | {"input": ["a", "b"]})
    assert reply.status == 502
    assert list(reply.json) == ["error"]


async def test_a_chat_model_that_cannot_embed_says_so(scripted, adapter):
    reply = await adapter.post("/api/embed", {"model": "tiny-chat", "input": "a"})
    assert 400 <= reply.status < 502
    assert isinstance(reply.json["error"], str)


class TestTheOlderRoute:
    async def test_only_the_vector_and_as_the_model_made_it(self, scripted_embedder, embedder):
        reply = await embedder.post("/api/embeddings", EMBED | {"prompt": "hi", "input": "x"})
        assert reply.json == {"embedding": pytest.approx(words.RAW_VECTOR)}
        [body] = scripted_embedder.bodies
        assert body["input"] in ("hi", ["hi"])
        assert body["use_activation"] is False

    @pytest.mark.parametrize("request_", [{}, {"prompt": ""}, {"prompt": None}, {"input": "x"}])
    async def test_no_prompt(self, scripted_embedder, embedder, request_):
        reply = await embedder.post("/api/embeddings", EMBED | request_)
        assert (reply.status, reply.json) == (200, {"embedding": []})
        assert scripted_embedder.seen == []


@pytest.mark.parametrize(("path", "key"), [("/api/embed", "input"), ("/api/embeddings", "prompt")])
@pytest.mark.parametrize(
    ("name", "status"), [("err_queue_full", 503), ("nonstream_engine_killed", 500)]
)
async def test_a_failure_of_the_engine(scripted_embedder, embedder, path, key, name, status):
    scripted_embedder.play = plays.recorded(name)
    reply = await embedder.post(path, EMBED | {key: "hi"})
    assert reply.status == status
    assert list(reply.json) == ["error"]
