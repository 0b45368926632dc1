"""Passages ranked: TEI's and Cohere's /rerank, OPEA's /v1/reranking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from services.engines.http import origin_of
from services.errors import NotConfigured, Refused
from services.grounding.question import last_question
from services.house import HOUSE
from services.kit.app import Card, Routes
from services.kit.replies import json_reply, read_object

CARD = Card("reranker", "Reranking", "Orders passages by how well they answer a question")


async def rerank(request: web.Request) -> web.Response:
    """Told apart by the passages' key: `texts` is TEI's, `documents` Cohere's."""
    body = await read_object(request)
    query = text_of(body.get("query"), "query")
    if "texts" in body:
        ranked = await ranks(request, query, texts_of(body["texts"], "texts"))
        return json_reply([{"index": at, "score": score} for at, score in ranked])
    documents = texts_of(body.get("documents"), "documents")
    ranked = (await ranks(request, query, documents))[: count_of(body, len(documents))]
    rows = [
        {"index": at, "document": {"text": documents[at]}, "relevance_score": score}
        for at, score in ranked
    ]
    return json_reply({"model": request.app[HOUSE].settings.rerank_model, "results": rows})


async def reranking(request: web.Request) -> web.Response:
    """OPEA's: `initial_query` is answered for the model, `input` with scores, and a chat
    (`messages`) comes back enriched."""
    body = await read_object(request)
    form, query = question_of(body)
    found = body.get("retrieved_docs", body.get("documents"))
    documents = texts_of(found, "retrieved_docs", empty=True)
    ranked = await ranks(request, query, documents) if documents else []
    best = ranked[: count_of(body, 1)]
    texts = [documents[at] for at, _ in best]
    rows = [{"text": documents[at], "score": score} for at, score in best]
    if form == "messages":
        return json_reply(body | {"reranked_docs": rows, "documents": texts})
    if form == "input":
        return json_reply({"reranked_docs": rows})
    return json_reply({"query": query, "documents": texts})


def question_of(body: dict[str, Any]) -> tuple[str, str]:
    """The form of a request, and what is asked."""
    if isinstance(turns := body.get("messages"), list):
        return "messages", text_of(body.get("initial_query") or last_question(turns), "messages")
    form = "messages" if turns else "input" if body.get("input") else "initial_query"
    return form, text_of(body.get(form), form)


async def ranks(request: web.Request, query: str, texts: Sequence[str]) -> list[tuple[int, float]]:
    """Places and scores, best first.

    Raises:
        NotConfigured: there is no reranker.
    """
    reranker = request.app[HOUSE].parts.reranker
    if reranker is None:
        raise NotConfigured("nothing ranks here: set RERANK_MODEL_ID")
    scores = await reranker.scores(query, texts, origin_of(request.headers))
    return sorted(enumerate(scores), key=lambda row: -row[1])


def text_of(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise Refused(f"{name}: a text")
    return value


def texts_of(value: Any, name: str, *, empty: bool = False) -> list[str]:
    """Texts, or objects that have one."""
    rows = value if isinstance(value, list) else None
    texts = [row.get("text") if isinstance(row, dict) else row for row in rows or ()]
    if rows is None or (not rows and not empty) or not all(isinstance(t, str) for t in texts):
        raise Refused(f"{name}: a list of texts")
    return [str(text) for text in texts]


def count_of(body: dict[str, Any], otherwise: int) -> int:
    wanted = body.get("top_n")
    if wanted is None:
        return otherwise
    if not isinstance(wanted, int) or wanted < 1:
        raise Refused("top_n: at least 1")
    return wanted


ROUTES: Routes = {
    "POST /rerank": rerank,
    "POST /v1/rerank": rerank,
    "POST /v1/reranking": reranking,
}
