"""OpenAI's /v1/embeddings, by the same rules as /api/embed."""

import base64
import struct

import pytest

from tests.support.words import TOKENS_PER_INPUT, VECTOR

PATH = "/v1/embeddings"


def decoded(text: str) -> list[float]:
    data = base64.b64decode(text)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


async def vectors(embedder, **request: object) -> list:
    reply = await embedder.post(PATH, {"model": "tiny-embed"} | request)
    assert reply.status == 200, reply.text
    assert [row["index"] for row in reply.json["data"]] == list(range(len(reply.json["data"])))
    return [row["embedding"] for row in reply.json["data"]]


async def test_the_answer(embedder):
    reply = await embedder.post(PATH, {"model": "TINY-embed", "input": ["a", "b"]})
    assert list(reply.json) == ["object", "data", "model", "usage"]
    assert reply.json["model"] == "TINY-embed"
    total = 2 * TOKENS_PER_INPUT
    assert reply.json["usage"] == {"prompt_tokens": total, "total_tokens": total}
    assert reply.json["data"][1]["embedding"] == pytest.approx(VECTOR)


@pytest.mark.parametrize("dimensions", [0, 1, 2, 99])
async def test_dimensions_are_cut_and_made_of_length_one(embedder, dimensions):
    """Of a model that knows nothing of dimensions, in both encodings."""
    expected = {1: [1.0], 2: [0.6, 0.8]}.get(dimensions, VECTOR)
    [plain] = await vectors(embedder, input="a", dimensions=dimensions)
    assert plain == pytest.approx(expected)
    [text] = await vectors(embedder, input="a", dimensions=dimensions, encoding_format="BASE64")
    assert decoded(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("", [" "]),
        (["", "a"], [" ", "a"]),
        ([1, 2], [[1, 2]]),
        ([[1], [2, 3]], [[1], [2, 3]]),
    ],
)
async def test_inputs(scripted_embedder, embedder, given, sent):
    assert len(await vectors(embedder, input=given)) == len(sent)
    assert scripted_embedder.bodies[-1]["input"] == sent


async def test_too_long_an_input_is_cut_unless_told_not_to(scripted_embedder, embedder):
    long = "word " * 600
    assert len(await vectors(embedder, input=long)) == 1
    body = {"model": "tiny-embed", "input": long, "truncate": False}
    reply = await embedder.post(PATH, body)
    message = reply.json["error"]["message"]
    assert (reply.status, message) == (400, "the input length exceeds the context length")


async def test_what_only_vllm_knows_goes_on(scripted_embedder, embedder):
    await vectors(embedder, input="a", user="u", add_special_tokens=False, keep_alive=5)
    body = scripted_embedder.bodies[-1]
    assert (body["user"], body["add_special_tokens"]) == ("u", False)
    assert "keep_alive" not in body


@pytest.mark.parametrize(
    ("request_", "status", "message"),
    [
        ({"model": "x"}, 400, "invalid input"),
        ({"model": "x", "input": []}, 400, "invalid input"),
        ({"model": "x", "input": 5}, 400, "invalid input type"),
        ({"model": "x", "input": ["a", 5]}, 400, "invalid input type"),
        ({"model": "x", "input": [[]]}, 400, "invalid input type"),
        (
            {"model": "x", "input": "a", "encoding_format": "Hex"},
            400,
            "Invalid value for 'encoding_format' = Hex. Supported values: ['float', 'base64'].",
        ),
        ({"input": "a"}, 404, "model '' not found"),
        ({"model": "x", "input": "a"}, 404, 'model "x" not found, try pulling it first'),
    ],
)
async def test_refusals(embedder, request_, status, message):
    reply = await embedder.post(PATH, request_)
    assert (reply.status, reply.json["error"]["message"]) == (status, message)


async def test_a_model_for_chats_has_no_vectors(adapter):
    reply = await adapter.post(PATH, {"model": "tiny-chat", "input": "a"})
    message = '"tiny-chat" does not support embeddings'
    assert (reply.status, reply.json["error"]["message"]) == (400, message)
