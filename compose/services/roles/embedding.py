"""Vectors: OpenAI's /v1/embeddings and TEI's /embed."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from aiohttp import web

from services.engines.http import origin_of
from services.errors import Refused
from services.house import HOUSE
from services.kit.app import Card, Routes
from services.kit.replies import json_reply, read_object

CARD = Card("embedding", "Embedding", "Makes vectors of texts")


async def openai(request: web.Request) -> web.Response:
    """`dimensions` cuts a vector and brings it to length 1 again."""
    body = await read_object(request)
    texts = texts_of(body.get("input", body.get("text")), "input")
    embedding = request.app[HOUSE].parts.embedding
    rows = await embedding.plain(texts, origin_of(request.headers))
    if (wanted := body.get("dimensions")) is not None:
        if not isinstance(wanted, int) or not 1 <= wanted <= rows.shape[1]:
            raise Refused(f"dimensions: 1 to {rows.shape[1]}")
        rows = rows[:, :wanted]
        rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    data = [
        {"object": "embedding", "index": at, "embedding": told(row, body.get("encoding_format"))}
        for at, row in enumerate(rows)
    ]
    usage = {"prompt_tokens": 0, "total_tokens": 0}
    name = await embedding.model_id()
    return json_reply({"object": "list", "data": data, "model": name, "usage": usage})


def told(row: Any, form: Any) -> Any:
    if form != "base64":
        return row
    return base64.b64encode(np.asarray(row, "<f4").tobytes()).decode()


async def tei(request: web.Request) -> web.Response:
    body = await read_object(request)
    texts = texts_of(body.get("inputs"), "inputs")
    rows = await request.app[HOUSE].parts.embedding.plain(texts, origin_of(request.headers))
    return json_reply(list(rows))


async def info(request: web.Request) -> web.Response:
    name = await request.app[HOUSE].parts.embedding.model_id()
    return json_reply({"model_id": name, "model_type": {"embedding": {"pooling": "mean"}}})


async def models(request: web.Request) -> web.Response:
    name = await request.app[HOUSE].parts.embedding.model_id()
    row = {"id": name, "object": "model", "created": 0, "owned_by": "services"}
    return json_reply({"object": "list", "data": [row]})


def texts_of(value: Any, name: str) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise Refused(f"{name}: a text, or a list of texts")
    return texts


ROUTES: Routes = {
    "POST /v1/embeddings": openai,
    "POST /embed": tei,
    "GET /info": info,
    "GET /v1/models": models,
}
