"""The table of routes. Management and /v1 get their rows with their features."""

from __future__ import annotations

from typing import NamedTuple

from aiohttp import web

from adapter.server.handlers import chat, embed, generate, meta, models
from adapter.server.middleware import Handler


class Route(NamedTuple):
    methods: str
    path: str
    handler: Handler


ROUTES = (
    Route("GET HEAD", "/", meta.root),
    Route("GET HEAD", "/api/version", meta.version),
    Route("GET HEAD", "/api/tags", models.tags),
    Route("GET", "/api/ps", models.ps),
    Route("POST", "/api/show", models.show),
    Route("POST", "/api/chat", chat.post),
    Route("POST", "/api/generate", generate.post),
    Route("POST", "/api/embed", embed.post),
    Route("POST", "/api/embeddings", embed.post_legacy),
    Route("GET", "/health", meta.health),
    Route("GET", "/ready", meta.ready),
    Route("GET", "/metrics", meta.metrics),
)


def add_routes(app: web.Application) -> None:
    for route in ROUTES:
        for method in route.methods.split():
            app.router.add_route(method, route.path, route.handler)
