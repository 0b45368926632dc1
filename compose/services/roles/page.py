"""The page at chatqna's port: files that are sent as they are, and ask their own origin only.

What it shows is written by documents and models: the policy lets no script run but the page's own
files, and no text become markup, should the page ever try (Trusted Types).
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import PurePosixPath

from aiohttp import web

from services.errors import NotFound
from services.house import HOUSE
from services.kit.app import Routes
from services.kit.replies import json_reply

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
"""no-cache: kept, and asked for again each time; by its ETag a file need not be sent again."""
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
INDEX = "index.html"


@dataclass(frozen=True)
class Asset:
    body: bytes
    content_type: str
    digest: str


@functools.cache
def assets() -> dict[str, Asset]:
    """The files of the page by name; read once."""
    found = {}
    for file in (resources.files("services") / "page").iterdir():
        content_type = TYPES.get(PurePosixPath(file.name).suffix)
        if content_type is not None:
            body = file.read_bytes()
            found[file.name] = Asset(body, content_type, hashlib.sha256(body).hexdigest()[:32])
    return found


def sent(request: web.Request, name: str) -> web.Response:
    """Raises NotFound."""
    asset = assets().get(name)
    if asset is None:
        raise NotFound(f"there is no {name}")
    headers = {**HEADERS, "ETag": f'"{asset.digest}"'}
    if any(tag.value in (asset.digest, "*") for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=asset.body, headers={**headers, "Content-Type": asset.content_type})


async def index(request: web.Request) -> web.Response:
    return sent(request, INDEX)


async def file(request: web.Request) -> web.Response:
    return sent(request, request.match_info["name"])


async def facts(request: web.Request) -> web.Response:
    """What the page must know of the settings."""
    reply = json_reply({"index": request.app[HOUSE].settings.index})
    reply.headers["Cache-Control"] = "no-store"
    return reply


ROUTES: Routes = {
    "GET /": index,
    "HEAD /": index,
    "GET /page/facts.json": facts,
    "GET /page/{name}": file,
    "HEAD /page/{name}": file,
}
