from __future__ import annotations

import base64
import json
import math
import struct
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import AdapterError, BadRequest, UpstreamBroken
from adapter.translate.embed import (
    Vectors,
    legacy_to_openai,
    normalised,
    read_vectors,
    reply,
    texts,
    to_openai,
)
from adapter.translate.target import Target
from adapter.translate.timings import Timings
from adapter.wire.gojson import parse
from adapter.wire.ollama import EmbeddingsRequest, EmbedRequest
from tests.support.recordings import recording
from tests.unit.strategies import JSON

VLLM, OTHER = Target("served"), Target("served", vllm=False)


def packed(*values: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()


def listed(vectors: Vectors) -> list[list[float]]:
    return [list(vector) for vector in vectors.vectors]


def answer(*embeddings: Any, **fields: Any) -> bytes:
    rows = [{"index": i, "embedding": vector} for i, vector in enumerate(embeddings)]
    return json.dumps({"data": rows, "usage": {"prompt_tokens": 7}, **fields}).encode()


@pytest.mark.parametrize(
    ("body", "inputs"),
    [
        (b"{}", []),
        (b'{"input":null}', []),
        (b'{"input":""}', []),
        (b'{"input":[]}', []),
        (b'{"input":"a"}', ["a"]),
        (b'{"input":[""]}', [""]),
        (b'{"input":["a","b"]}', ["a", "b"]),
    ],
)
def test_inputs(body: bytes, inputs: list[str]):
    assert texts(parse(EmbedRequest, body)) == inputs


@pytest.mark.parametrize(
    "given_", [b"5", b"true", b"false", b"0", b"{}", b"[1]", b'[["a"]]', b"[null]"]
)
def test_inputs_of_another_kind(given_: bytes):
    with pytest.raises(BadRequest) as refused:
        texts(parse(EmbedRequest, b'{"input":%b}' % given_))
    assert refused.value.message == "invalid input type"


@pytest.mark.parametrize(
    ("target", "truncate", "more"),
    [
        (VLLM, True, {"truncate_prompt_tokens": -1}),
        (VLLM, False, {}),
        (OTHER, True, {}),
        (OTHER, False, {}),
    ],
)
def test_a_body(target: Target, truncate: bool, more: dict[str, Any]):
    assert to_openai(["a", "b"], target, truncate=truncate) == {
        "model": "served",
        "input": ["a", "b"],
        "encoding_format": "base64",
        **more,
    }


def test_the_older_endpoint_wants_the_models_own_vector():
    request = parse(EmbeddingsRequest, b'{"prompt":"a"}')
    body = {"model": "served", "input": ["a"], "encoding_format": "base64"}
    assert legacy_to_openai(request, OTHER) == body
    assert legacy_to_openai(request, VLLM) == body | {
        "truncate_prompt_tokens": -1,
        "use_activation": False,
    }


def test_recorded_vectors_say_the_same_in_either_encoding():
    lists = read_vectors(recording("embed_single").body, 1)
    packs = read_vectors(recording("embed_base64").body, 1)
    assert packs.prompt_tokens == lists.prompt_tokens > 0
    assert [len(vector) for vector in packs.vectors] == [len(lists.vectors[0])]
    for ours, theirs in zip(packs.vectors[0], lists.vectors[0], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-2, abs=1e-2)


def test_a_recorded_batch():
    body = recording("embed_batch").body
    rows = json.loads(body)["data"]
    assert listed(read_vectors(body, len(rows))) == [row["embedding"] for row in rows]


def test_vectors_stand_in_the_order_of_the_inputs():
    rows = [{"index": 1, "embedding": [2]}, {"index": 0, "embedding": packed(1.0)}]
    body = json.dumps({"data": rows, "usage": {"prompt_tokens": 7}}).encode()
    vectors = read_vectors(body, 2)
    assert (listed(vectors), vectors.prompt_tokens) == ([[1.0], [2.0]], 7)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None}])
def test_counts_that_are_not_told_are_zero(usage: object):
    assert read_vectors(answer([1.0], usage=usage), 1).prompt_tokens == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"data":null}',
        b'{"data":[{}]}',
        b'{"data":[{"index":0}]}',
        b'{"data":[5]}',
        answer("no base64!"),
        answer("QUI="),  # two bytes are no float
        answer(None),
        answer(["x"]),
        answer({}),
        answer([1.0], usage=[]).replace(b"[]", b"5"),
        answer([1.0], usage={"prompt_tokens": "x"}),
    ],
)
def test_what_is_no_answer(body: bytes):
    with pytest.raises(UpstreamBroken) as broken:
        read_vectors(body, 1)
    assert broken.value.message == "the engine sent malformed embeddings"


def test_a_vector_for_each_input():
    with pytest.raises(UpstreamBroken) as broken:
        read_vectors(answer([1.0]), 2)
    assert broken.value.message == "the engine sent 1 embeddings for 2 inputs"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_say(value: float):
    with pytest.raises(BadRequest) as refused:
        read_vectors(answer(packed(1.0, value)), 1)
    assert refused.value.message == "embedding contains NaN or Inf values"


def test_numbers_that_add_up_to_infinity_are_numbers():
    assert listed(read_vectors(answer([1e308, 1e308]), 1)) == [[1e308, 1e308]]


def test_a_reply():
    asked = parse(EmbedRequest, b'{"model":"m","input":["a","b"],"dimensions":2}')
    vectors = Vectors([[3.0, 4.0, 5.0], [0.0, 1.0, 1.0]], 7)
    spent = Timings(total=9, load=1, prompt_eval=0, evaluation=0)
    told = json.loads(orjson.dumps(reply(asked, vectors, spent)))
    assert list(told.items()) == [
        ("model", "m"),
        ("embeddings", [[0.6, 0.8], [0.0, 1.0]]),
        ("total_duration", 9),
        ("load_duration", 1),
        ("prompt_eval_count", 7),
    ]


def test_their_size_is_about_that_of_their_json():
    vectors = Vectors([normalised([float(n) for n in range(1, 500)])] * 3, 0)
    assert vectors.size == pytest.approx(len(orjson.dumps(vectors.vectors)), rel=0.25)


@given(JSON, st.integers(0, 3))
def test_an_answer_of_any_shape_is_vectors_or_a_fault(value: object, expected: int):
    for body in (json.dumps(value).encode(), answer(value), json.dumps({"data": [value]}).encode()):
        try:
            vectors = read_vectors(body, expected)
        except AdapterError:
            continue
        orjson.dumps([listed(vectors), vectors.prompt_tokens])
        assert len(vectors.vectors) == expected


@pytest.mark.parametrize(
    ("vector", "dimensions", "result"),
    [
        ([3.0, 4.0], 0, [0.6, 0.8]),
        ([3.0, 4.0, 12.0], 2, [0.6, 0.8]),
        ([3.0, 4.0], 2, [0.6, 0.8]),
        ([3.0, 4.0], 9, [0.6, 0.8]),
        ([3.0, 4.0], -1, [0.6, 0.8]),
        ([0.0, 0.0], 0, [0.0, 0.0]),
        ([], 0, []),
    ],
)
def test_length_one(vector: list[float], dimensions: int, result: list[float]):
    assert normalised(vector, dimensions) == pytest.approx(result)


@given(
    st.lists(st.floats(-(2.0**60), 2.0**60, width=32), min_size=1, max_size=8), st.integers(-1, 9)
)
def test_any_vector_gets_length_one_or_is_none(vector: list[float], dimensions: int):
    before = list(vector)
    unit = normalised(vector, dimensions)
    assert vector == before
    assert len(unit) == (min(dimensions, len(vector)) if dimensions > 0 else len(vector))
    length = math.sqrt(math.fsum(value * value for value in unit))
    assert length == pytest.approx(1.0, abs=1e-6) or not any(value * value for value in unit)
