"""Passages for a question: OPEA's /v1/retrieval, in its three forms."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

import numpy as np
from aiohttp import web

from services import stages
from services.engines.http import origin_of
from services.errors import Refused
from services.grounding.asking import Retrieval
from services.grounding.question import last_question
from services.house import HOUSE, House
from services.kit.app import Card, Routes
from services.kit.replies import json_reply, parsed, read_object
from services.searching import Hit, Query, told_hit, wanted
from services.store.model import Model, Vectors, checked_name

CARD = Card("retriever", "Retriever", "Finds the passages that fit a question")
OPEA_K = 4
_NEARLY = 1e-3
"""So little from 1, a length is left: the same question has the same scores by every way."""


async def retrieve(request: web.Request) -> web.Response:
    """Told apart by the question's key: `text`, `input`, or `messages`."""
    house, body = request.app[HOUSE], await read_object(request)
    form, text = question_of(body)
    given = vector_of(body.get("embedding"))
    query = await query_of(house, body, text, given)
    origin = origin_of(request.headers)

    async def vector() -> Vectors:
        return await stages.embed(house.parts, text, origin) if given is None else given

    hits = await stages.search(house.parts, query, vector, origin)
    return json_reply(FORMS[form](body, text, hits))


def question_of(body: dict[str, Any]) -> tuple[str, str]:
    for form in ("text", "input", "messages"):
        value = body.get(form)
        if form == "messages" and isinstance(value, list):
            value = last_question(value)
        if isinstance(value, str) and value.strip():
            return form, value
    raise Refused("text, input or messages: a question is needed")


def vector_of(value: Any) -> Vectors | None:
    """The question's own; a list of one, as some send it, is that one."""
    if value is None or value == []:
        return None
    try:
        vector = np.array(value, np.float32)
    except (TypeError, ValueError):
        raise Refused("embedding: a list of numbers") from None
    vector = vector[0] if vector.ndim == 2 and len(vector) == 1 else vector
    length = float(np.linalg.norm(vector)) if vector.ndim == 1 else 0.0
    if not length or not np.isfinite(length):
        raise Refused("embedding: a list of numbers that are not all zero")
    return vector if abs(length - 1) < _NEARLY else vector / np.float32(length)


async def query_of(house: House, body: dict[str, Any], text: str, given: Vectors | None) -> Query:
    wish, settings = parsed(Retrieval, body), house.settings
    how = wish.search_type or ("similarity" if given is not None else settings.search_type)
    checked_name(wish.index_name or settings.index)
    model = await model_of(house, body, how, given)
    return wanted(text, wish, settings, how, wish.k or OPEA_K, model)


async def model_of(
    house: House, body: dict[str, Any], how: str, given: Vectors | None
) -> Model | None:
    """What made the vector: this process, or who says so. Of other vectors nothing is known."""
    if how == "lexical":
        return None
    if given is None:
        return await house.parts.embedding.model(0)
    match body.get("model"):
        case {"id": str(name), "prefixes": [str(query), str(passage)]}:
            return replace(Model(name, len(given)), query_prefix=query, passage_prefix=passage)
    return None


def as_search(body: dict[str, Any], text: str, hits: list[Hit]) -> dict[str, Any]:
    return {
        "id": secrets.token_hex(16),
        "retrieved_docs": [{"id": hit.passage.key, "text": hit.passage.text} for hit in hits],
        "initial_query": text,
        "top_n": 1,
        "metadata": [told_hit(hit) for hit in hits],
    }


def as_retrieval(body: dict[str, Any], text: str, hits: list[Hit]) -> dict[str, Any]:
    rows = [{"text": hit.passage.text, "metadata": told_hit(hit)} for hit in hits]
    return {"retrieved_docs": rows}


def as_chat(body: dict[str, Any], text: str, hits: list[Hit]) -> dict[str, Any]:
    """The request itself, with what was found."""
    found = [{"id": hit.passage.key, "text": hit.passage.text} for hit in hits]
    texts = [hit.passage.text for hit in hits]
    return body | {"retrieved_docs": found, "documents": texts, "initial_query": text}


FORMS = {"text": as_search, "input": as_retrieval, "messages": as_chat}
ROUTES: Routes = {"POST /v1/retrieval": retrieve}
