from contextlib import suppress

import orjson
import pytest
from hypothesis import given

from adapter.errors import BadRequest
from adapter.translate.embed import Vectors
from adapter.translate.target import Target
from adapter.translate.v1_embeddings import check, encoded, inputs, question, reply
from tests.unit.strategies import JSON


def test_the_engines_body():
    body = {"model": "m", "input": ["a"], "dimensions": 2, "encoding_format": "float", "user": "u"}
    assert question(body, Target("s")) == {
        "model": "s",
        "input": ["a"],
        "encoding_format": "base64",
        "user": "u",
        "truncate_prompt_tokens": -1,
    }
    assert "truncate_prompt_tokens" not in question(body | {"truncate": False}, Target("s"))
    assert "truncate_prompt_tokens" not in question(body, Target("s", vllm=False))


def test_vectors_are_float32_little_endian():
    assert encoded([1.0, -2.0]) == "AACAPwAAAMA="


def test_a_reply():
    vectors = Vectors([[3.0, 4.0], [0.0, 0.0]], 5)
    assert orjson.loads(orjson.dumps(reply({"model": "m"}, vectors))) == {
        "object": "list",
        "data": [
            {"object": "embedding", "embedding": [0.6, 0.8], "index": 0},
            {"object": "embedding", "embedding": [0.0, 0.0], "index": 1},
        ],
        "model": "m",
        "usage": {"prompt_tokens": 5, "total_tokens": 5},
    }
    asked = {"model": "m", "encoding_format": "Base64", "dimensions": 1}
    assert reply(asked, vectors)["data"][0]["embedding"] == encoded([1.0])


@pytest.mark.parametrize("word", ["", "float", "FLOAT", "base64", "BASE64"])
def test_formats(word: str):
    check({"input": "a", "encoding_format": word})


@given(value=JSON)
def test_any_input_is_taken_or_refused(value: object):
    with suppress(BadRequest):
        taken = inputs(value)
        assert taken
        assert all(isinstance(item, (str, list)) for item in taken)
