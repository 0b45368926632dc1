"""The tables of routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aiohttp import web

from adapter.server import managing
from adapter.server.exchange import Answering
from adapter.server.handlers import (
    account,
    aliases,
    anthropic,
    audio,
    blobs,
    chat,
    create,
    embed,
    generate,
    meta,
    models,
    openai,
    registry,
    switch,
)
from adapter.server.managing import managed
from adapter.server.middleware import Handler
from adapter.server.routing import routed
from adapter.server.web_exchange import on_the_web


class Route(NamedTuple):
    methods: str
    path: str
    handler: Handler


EXCHANGES: Mapping[str, Answering] = {
    "/api/chat": routed(chat.post),
    "/api/generate": routed(generate.post),
    "/api/embed": routed(embed.post, embeds=True),
    "/api/embeddings": routed(embed.post_legacy, embeds=True),
    "/v1/chat/completions": routed(openai.chat),
    "/v1/completions": routed(openai.completions),
    "/v1/embeddings": routed(openai.embeddings, embeds=True),
    "/v1/responses": routed(openai.responses),
    "/v1/messages": routed(anthropic.messages),
    "/v1/messages/count_tokens": anthropic.count_tokens,
    "/v1/rerank": openai.rerank,
    "/v1/score": openai.score,
    "/v1/tokenize": openai.tokenize,
    "/v1/detokenize": openai.detokenize,
    "/v1/systemone": openai.system_one,
}
"""All by POST: what is asked all day."""

ROUTES = (
    Route("GET HEAD", "/", meta.root),
    Route("GET HEAD", "/api/version", meta.version),
    Route("GET HEAD", "/api/tags", models.tags),
    Route("GET", "/api/ps", models.ps),
    Route("POST", "/api/show", managed(models.show, managing.shown)),
    Route("POST", "/api/pull", managed(registry.pull, managing.pulled)),
    Route("POST", "/api/push", managed(registry.push, managing.pushed)),
    Route("POST", "/api/create", managed(create.post, managing.created)),
    Route("POST", "/api/copy", managed(aliases.copy, managing.copied)),
    Route("DELETE", "/api/delete", managed(aliases.delete, managing.deleted)),
    Route("HEAD POST", "/api/blobs/{digest}", blobs.blob),
    Route("GET", "/api/status", account.status),
    Route("POST", "/api/me", account.unauthorized),
    Route("POST", "/api/signout", account.unauthorized),
    Route("DELETE", "/api/user/keys/{key}", account.unauthorized),
    Route("POST", "/api/experimental/web_search", account.web_search),
    Route("POST", "/api/experimental/web_fetch", account.web_fetch),
    Route("GET", "/api/experimental/model-recommendations", account.recommendations),
    Route("POST", "/v1/audio/transcriptions", audio.transcriptions),
    Route("POST", "/v1/audio/translations", audio.translations),
    Route("GET", "/v1/models", openai.models),
    Route("GET", "/v1/models/{model}", openai.model),
    Route("GET", "/v1/models/{namespace}/{model}", openai.model),
    Route("GET", "/health", meta.health),
    Route("GET", "/ready", meta.ready),
    Route("GET", "/metrics", meta.metrics),
    Route("POST", "/adapter/rollback", switch.rollback),
    Route("POST", "/adapter/resume", switch.resume),
)


def add_routes(app: web.Application) -> None:
    for path, answering in EXCHANGES.items():
        app.router.add_post(path, on_the_web(answering))
    for route in ROUTES:
        for method in route.methods.split():
            app.router.add_route(method, route.path, route.handler)
