"""The model alone: OPEA's textgen on OpenAI's route, and Enterprise-RAG's form of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson
from aiohttp import web

from services.engines.http import Origin, origin_of
from services.errors import Refused
from services.grounding.asking import ENTERPRISE
from services.grounding.chunks import folded
from services.grounding.prompt import filled, harmless
from services.grounding.sse import DONE, event
from services.house import HOUSE, House
from services.kit.app import Card, Routes
from services.kit.replies import json_reply, read_object
from services.kit.streaming import EVENTS, streamed
from services.roles.events import reranked, told

CARD = Card("llm", "LLM", "Generates text")
_TEMPLATE = "### Context:\n{context}\n\n### Question: {question}"


async def chat(request: web.Request) -> web.StreamResponse:
    house, body = request.app[HOUSE], await read_object(request)
    body = {key: value for key, value in body.items() if value is not None}
    origin = origin_of(request.headers)
    if any(key in body for key in ENTERPRISE) or isinstance(body.get("messages"), dict):
        return await enterprise(request, house, body, origin)
    path = "chat/completions"
    if "messages" not in body and isinstance(body.get("query"), str):
        body = from_documents(body)
    elif isinstance(body.get("messages"), str):
        # OPEA's textgen completes a bare text.
        path, body = "completions", completion(body)
    return await passed(request, house, f"/v1/{path}", body, origin)


async def passed(
    request: web.Request, house: House, path: str, body: dict[str, Any], origin: Origin
) -> web.StreamResponse:
    """The engine's answer as it is."""
    llm = house.parts.llm
    body = body | {"model": await llm.model()}
    url = f"{llm.url}{path}"
    if body.get("stream"):
        return await streamed(request, house.http.passed(url, body, origin), EVENTS, told)
    return json_reply(await house.http.post(url, body, origin))


def from_documents(body: dict[str, Any]) -> dict[str, Any]:
    """A reranker's answer (`query`, `documents`) as a chat."""
    documents = body.get("documents") or []
    if not isinstance(documents, list) or not all(isinstance(one, str) for one in documents):
        raise Refused("documents: a list of texts")
    template = body.get("chat_template") or (_TEMPLATE if documents else "{question}")
    if not isinstance(template, str):
        raise Refused("chat_template: a text with the places {context} and {question}")
    content = filled(template, "\n".join(map(harmless, documents)), str(body["query"]))
    own = ("query", "documents", "id", "chat_template")
    rest = {key: value for key, value in body.items() if key not in own}
    return rest | {"messages": [{"role": "user", "content": content}]}


def completion(body: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in body.items() if key != "messages"}
    return rest | {"prompt": body["messages"]}


async def enterprise(
    request: web.Request, house: House, body: dict[str, Any], origin: Origin
) -> web.StreamResponse:
    """{system, user} or a list; the answer as a text, or chunks and a last line of documents."""
    asked = {k: v for k, v in body.items() if k not in (*ENTERPRISE, "id", "messages", "stream")}
    if "max_new_tokens" in body:
        asked["max_tokens"] = body["max_new_tokens"]
    asked["messages"] = turns(body.get("messages"))
    data = body.get("data")
    documents = data.get("reranked_docs", []) if isinstance(data, dict) else []
    chunks = house.parts.llm.events(asked, origin)
    if body.get("stream", body.get("streaming", False)):
        return await streamed(request, trailed(chunks, documents), EVENTS, told)
    async with aclosing(chunks):
        whole = folded([chunk async for chunk in chunks])
    prompt = "\n".join(str(turn.get("content") or "") for turn in asked["messages"])
    return json_reply(
        {
            "id": whole.get("id", ""),
            "text": whole["choices"][0]["message"]["content"],
            "prompt": prompt,
            "stream": False,
            "data": {"reranked_docs": documents},
        }
    )


async def trailed(
    chunks: AsyncGenerator[dict[str, Any]], documents: list[Any]
) -> AsyncGenerator[bytes]:
    async with aclosing(chunks):
        async for chunk in chunks:
            yield event(orjson.dumps(chunk))
    yield DONE
    yield reranked(documents)


def turns(messages: Any) -> list[dict[str, Any]]:
    if isinstance(messages, dict):
        given = [(role, messages.get(role)) for role in ("system", "user")]
        return [{"role": role, "content": text} for role, text in given if text]
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        raise Refused("messages: a list of turns")
    return messages


async def tokenize(request: web.Request) -> web.Response:
    house, body = request.app[HOUSE], await read_object(request)
    return json_reply(await house.parts.llm.tokenize(body, origin_of(request.headers)))


async def models(request: web.Request) -> web.Response:
    name = await request.app[HOUSE].parts.llm.model()
    row = {"id": name, "object": "model", "created": 0, "owned_by": "services"}
    return json_reply({"object": "list", "data": [row]})


ROUTES: Routes = {
    "POST /v1/chat/completions": chat,
    "POST /v1/tokenize": tokenize,
    "GET /v1/models": models,
}
