"""/api/embed and the older /api/embeddings ⇄ vLLM's /v1/embeddings.

Vectors travel as base64 of little-endian float32, which is a third of the JSON.
"""

from __future__ import annotations

import base64
import binascii
import math
import sys
from array import array
from dataclasses import dataclass
from typing import Any

import orjson

from adapter.errors import BadRequest, UpstreamBroken
from adapter.translate.target import Target
from adapter.wire.ollama import EmbeddingsRequest, EmbedRequest
from adapter.wire.openai import EmbeddingsBody

_NOTHING = " "
"""What is embedded in the place of an empty string."""
USE_WHOLE_WINDOW = -1
"""vLLM's truncate_prompt_tokens that cuts an input to what the model takes."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors in the order of the inputs, and how many tokens those had in all."""

    vectors: list[list[float]]
    prompt_tokens: int


def texts(request: EmbedRequest) -> list[str]:
    """The inputs; none at all means that the model is only to be loaded.

    Raises:
        BadRequest: the input is neither a string nor a list of strings.
    """
    given = request.input
    if given is None or given == "":
        return []
    if isinstance(given, str):
        return [given]
    if isinstance(given, list) and all(isinstance(item, str) for item in given):
        return given
    raise BadRequest("invalid input type")


def to_openai(inputs: list[str], target: Target, *, truncate: bool) -> EmbeddingsBody:
    """The body for some inputs; with `truncate`, too long ones are cut and not refused."""
    # Models that begin no text by themselves have no tokens for "", and refuse the whole batch.
    given = [text or _NOTHING for text in inputs]
    body = EmbeddingsBody(model=target.served_name, input=given, encoding_format="base64")
    if truncate and target.vllm:
        body["truncate_prompt_tokens"] = USE_WHOLE_WINDOW
    return body


def legacy_to_openai(request: EmbeddingsRequest, target: Target) -> EmbeddingsBody:
    """The body of the older endpoint, whose vector is the model's own, not normalised."""
    body = to_openai([request.prompt], target, truncate=True)
    if target.vllm:
        body["use_activation"] = False
    return body


def read_vectors(body: bytes, expected: int) -> Vectors:
    """The vectors of vLLM's answer.

    Raises:
        UpstreamBroken: the answer is no list of `expected` embeddings.
        BadRequest: a vector holds NaN or Inf, which JSON can't say.
    """
    try:
        answer = orjson.loads(body)
        rows = sorted(answer["data"], key=lambda row: row["index"])
        vectors = [_floats(row["embedding"]) for row in rows]
        tokens = int((answer.get("usage") or {}).get("prompt_tokens") or 0)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise UpstreamBroken("the engine sent malformed embeddings") from None
    if len(vectors) != expected:
        raise UpstreamBroken(f"the engine sent {len(vectors)} embeddings for {expected} inputs")
    if not all(map(math.isfinite, (value for vector in vectors for value in vector))):
        raise BadRequest("embedding contains NaN or Inf values")
    return Vectors(vectors, tokens)


def _floats(embedding: Any) -> list[float]:
    if isinstance(embedding, list):
        return [float(value) for value in embedding]
    values = array("f")
    try:
        values.frombytes(base64.b64decode(embedding, validate=True))
    except binascii.Error as error:
        raise ValueError(error) from None
    if sys.byteorder == "big":
        values.byteswap()
    return values.tolist()


def normalised(vector: list[float], dimensions: int = 0) -> list[float]:
    """The vector cut to `dimensions` (0, or more than there are: all of it), with length 1."""
    if 0 < dimensions < len(vector):
        vector = vector[:dimensions]
    length = math.hypot(*vector)
    return [value / length for value in vector] if length else vector
