"""/v1/embeddings ⇄ vLLM's, by the same rules as /api/embed: length 1, long inputs cut.

Source: `middleware/openai.go:EmbeddingsMiddleware`, `openai/openai.go:ToEmbeddingList` of
Ollama 0.33.
"""

from __future__ import annotations

import base64
import sys
from array import array
from typing import Any

from adapter.errors import BadRequest
from adapter.translate.embed import Vectors, normalised, to_openai, written
from adapter.translate.target import Target
from adapter.translate.v1_fields import Body

FORMATS = ("float", "base64")
OURS = ("dimensions", "truncate", "messages")
"""Fields that the adapter sees to."""


def check(body: Body) -> None:
    """What Ollama looks at before it looks for the model.

    Raises:
        BadRequest: with Ollama's text.
    """
    wanted = body.get("encoding_format", "")
    if wanted and wanted.lower() not in FORMATS:
        raise BadRequest(
            f"Invalid value for 'encoding_format' = {wanted}. "
            "Supported values: ['float', 'base64']."
        )
    body["input"] = inputs(body.get("input"))


def inputs(given: Any) -> list[str] | list[list[int]]:
    """The inputs, each a text or, as vLLM takes them too, the ids of its tokens.

    Raises:
        BadRequest: there is none, or one of another type.
    """
    if given is None or given == []:
        raise BadRequest("invalid input")
    if isinstance(given, str):
        return [given]
    if isinstance(given, list):
        if all(isinstance(item, str) for item in given):
            return given
        if _are_tokens(given):
            return [given]
        if all(isinstance(item, list) and item and _are_tokens(item) for item in given):
            return given
    raise BadRequest("invalid input type")


def _are_tokens(items: list[Any]) -> bool:
    return all(type(item) is int for item in items)


def question(body: Body, target: Target) -> dict[str, Any]:
    """vLLM's body. Fields that only vLLM knows go on; `dimensions` is ours to do."""
    ours = to_openai(body["input"], target, truncate=body.get("truncate") is not False)
    return {key: value for key, value in body.items() if key not in OURS} | ours


def reply(body: Body, vectors: Vectors) -> dict[str, Any]:
    """OpenAI's list for a request's vectors."""
    dimensions = body.get("dimensions", 0)
    as_text = body.get("encoding_format", "").lower() == "base64"
    write = encoded if as_text else written
    rows = (write(normalised(vector, dimensions)) for vector in vectors.vectors)
    data = [
        {"object": "embedding", "embedding": row, "index": index} for index, row in enumerate(rows)
    ]
    counts = {"prompt_tokens": vectors.prompt_tokens, "total_tokens": vectors.prompt_tokens}
    return {"object": "list", "data": data, "model": body["model"], "usage": counts}


def encoded(vector: list[float]) -> str:
    """Base64 of little-endian float32."""
    values = array("f", vector)
    if sys.byteorder == "big":
        values.byteswap()
    return base64.b64encode(values.tobytes()).decode()
