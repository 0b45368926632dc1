"""/api/embed and the older /api/embeddings ⇄ vLLM's /v1/embeddings.

Vectors travel as base64 of little-endian float32, which is a third of the JSON.
"""

from __future__ import annotations

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from adapter.errors import BadRequest, UpstreamBroken
from adapter.translate.target import Target
from adapter.translate.timings import Timings
from adapter.wire import longtext
from adapter.wire.ollama import EmbeddingsRequest, EmbedRequest
from adapter.wire.openai import EmbeddingsBody

_NOTHING = " "
"""What is embedded in the place of an empty string."""
_BYTES_OF_A_NUMBER = 20
USE_WHOLE_WINDOW = -1
"""vLLM's truncate_prompt_tokens that cuts an input to what the model takes."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors in the order of the inputs, and how many tokens those had in all.

    An array is one object; a million numbers by themselves take their time to be forgotten.
    """

    vectors: Sequence[Sequence[float]]
    prompt_tokens: int

    @property
    def size(self) -> int:
        """Bytes of their JSON, more or less."""
        return sum(map(len, self.vectors)) * _BYTES_OF_A_NUMBER


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
        answer = longtext.loads(body)
        rows = sorted(answer["data"], key=lambda row: row["index"])
        vectors = [_floats(row["embedding"]) for row in rows]
        tokens = int((answer.get("usage") or {}).get("prompt_tokens") or 0)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise UpstreamBroken("the engine sent malformed embeddings") from None
    if len(vectors) != expected:
        raise UpstreamBroken(f"the engine sent {len(vectors)} embeddings for {expected} inputs")
    if not all(map(_is_finite, vectors)):
        raise BadRequest("embedding contains NaN or Inf values")
    return Vectors(vectors, tokens)


def _is_finite(vector: Sequence[float]) -> bool:
    # A sum is quick, and not finite if one of the numbers is not; huge ones may add up to that.
    return math.isfinite(sum(vector)) or all(map(math.isfinite, vector))


def reply(request: EmbedRequest, vectors: Vectors, spent: Timings) -> dict[str, Any]:
    """The answer of /api/embed."""
    return {
        "model": request.asked,
        "embeddings": [written(normalised(v, request.dimensions)) for v in vectors.vectors],
        "total_duration": spent.total,
        "load_duration": spent.load,
        "prompt_eval_count": vectors.prompt_tokens,
    }


def _floats(embedding: Any) -> array[float]:
    if isinstance(embedding, list):
        return array("d", embedding)
    values = array("f")
    try:
        values.frombytes(base64.b64decode(embedding, validate=True))
    except binascii.Error as error:
        raise ValueError(error) from None
    if sys.byteorder == "big":
        values.byteswap()
    return values


def written(vector: list[float]) -> orjson.Fragment:
    """Its JSON, for a million numbers are not to be there at once: they go as one."""
    return orjson.Fragment(orjson.dumps(vector))


def normalised(vector: Sequence[float], dimensions: int = 0) -> list[float]:
    """The vector cut to `dimensions` (0, or more than there are: all of it), with length 1."""
    if 0 < dimensions < len(vector):
        vector = vector[:dimensions]
    length = math.hypot(*vector)
    return [value / length for value in vector] if length else list(vector)
