"""A real Ollama on a real socket, as far as it was recorded: tests/contract/golden.jsonl.

A request that was recorded gets the recorded answer, chunk by chunk. `plays` answer others, by
method and path; what neither knows is 404, as Ollama says it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from tests.support.listening import Listening

GOLDEN = Path(__file__).parents[1] / "contract" / "golden.jsonl"
EXCHANGES: dict[str, Any] = {
    row["id"]: row for row in map(json.loads, GOLDEN.read_text("utf-8").splitlines())
}
PATIENCE = 5.0
DIGEST = "sha256:" + "5" * 64
PULLED = [
    {"status": "pulling manifest"},
    {"status": "pulling 555555555555", "digest": DIGEST, "total": 900, "completed": 300},
    {"status": "pulling 555555555555", "digest": DIGEST, "total": 900, "completed": 900},
    {"status": "verifying sha256 digest"},
    {"status": "writing manifest"},
    {"status": "success"},
]


@dataclass
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


Play = Callable[[web.Request, Asked], Awaitable[web.StreamResponse]]


@dataclass
class Blob:
    size: int = 0
    sha: Any = field(default_factory=hashlib.sha256)


def recorded_tags() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(EXCHANGES["TAGS-01"]["response"]["body"])["models"]
    return found


class OllamaStandIn(Listening):
    """`models` are the rows of its /api/tags; `asked` every request but probes."""

    def __init__(self, *names: str) -> None:
        """The recorded models, or some of these names with the facts of the first of them."""
        super().__init__(largest=0)
        rows = recorded_tags()
        self.models = [_called(rows[-1], name) for name in names] if names else rows
        self.shows: dict[str, list[str]] = {}
        """What /api/show tells that a model can do."""
        self.silent: set[str] = set()
        """The models of which /api/show tells nothing, and does not end."""
        self.shown: list[str] = []
        """The models that an adapter has asked about for itself."""
        self.loaded: list[str] = []
        self.plays: dict[tuple[str, str], Play] = {}
        self.asked: list[Asked] = []
        self.blobs: dict[str, Blob] = {}
        self.gone = 0
        """Requests whose client left before the play was over."""
        self.in_flight = 0

    def play(self, path: str, play: Play, method: str = "POST") -> None:
        self.plays[method, path] = play

    async def __aenter__(self) -> OllamaStandIn:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()

    async def until(self, condition: Callable[[], bool], within: float = PATIENCE) -> None:
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110  # set by plays in this loop
                await asyncio.sleep(0.005)

    async def _serve(self, http: web.Request) -> web.StreamResponse:
        if http.path.startswith("/api/blobs/"):
            return await self._blob(http)
        asked = Asked(http.method, http.path, http.headers, await http.read())
        if known := self._told(asked):
            if asked.path == "/api/show" and asked.json["model"] in self.silent:
                await asyncio.Event().wait()
            return known
        self.asked.append(asked)
        self.in_flight += 1
        try:
            play = self.plays.get((http.method, http.path), self._recorded)
            return await play(http, asked)
        except (asyncio.CancelledError, ConnectionError):
            self.gone += 1
            raise
        finally:
            self.in_flight -= 1

    def _told(self, asked: Asked) -> web.Response | None:
        """Answers to what an adapter asks for itself."""
        if (asked.method, asked.path) == ("GET", "/api/tags"):
            return web.json_response({"models": self.models})
        if (asked.method, asked.path) == ("GET", "/api/ps"):
            body = json.loads(EXCHANGES["PS-01"]["response"]["body"])
            rows = [_called(body["models"][0], name) for name in self.loaded]
            return web.json_response({"models": rows})
        # What it passes on for a client carries an id.
        own = asked.headers.get("User-Agent") == "ollama-vllm-adapter"
        if asked.path == "/api/show" and own and "X-Request-Id" not in asked.headers:
            shown = json.loads(EXCHANGES["SHOW-05"]["response"]["body"])
            name = asked.json["model"]
            self.shown.append(name)
            row = next((row for row in self.models if row["name"] == name), None)
            if row is None:
                return web.json_response({"error": f"model '{name}' not found"}, status=404)
            can = self.shows.get(name, row["capabilities"])
            return web.json_response(shown | {"capabilities": can})
        return None

    async def _recorded(self, http: web.Request, asked: Asked) -> web.StreamResponse:
        for exchange in EXCHANGES.values():
            if _is(exchange["request"], asked):
                return await replay(http, exchange["response"])
        if asked.body and asked.path.startswith("/api/"):
            name = asked.json.get("model")
            return web.json_response({"error": f"model '{name}' not found"}, status=404)
        return web.Response(text="404 page not found", status=404)

    async def _blob(self, http: web.Request) -> web.StreamResponse:
        digest = http.match_info["tail"].rpartition("/")[2]
        if digest in self.blobs:
            return web.Response(status=200)
        if http.method == "HEAD":
            return web.Response(status=404)
        blob = Blob()
        async for data in http.content.iter_any():
            blob.size += len(data)
            blob.sha.update(data)
        found = f"sha256:{blob.sha.hexdigest()}"
        if found != digest:
            text = f'digest mismatch, expected "{digest}", got "{found}"'
            return web.json_response({"error": text}, status=400)
        self.blobs[digest] = blob
        return web.Response(status=201)


def _called(row: dict[str, Any], name: str) -> dict[str, Any]:
    return row | {"name": name, "model": name}


def _is(request: dict[str, Any], asked: Asked) -> bool:
    method, path, _ = request["line"].split(" ")
    if (method, path) != (asked.method, asked.path):
        return False
    return request.get("body", "").encode() == asked.body


async def replay(http: web.Request, recorded: dict[str, Any]) -> web.StreamResponse:
    """A recorded answer, its chunks in writes of their own."""
    status = int(recorded["status_line"].split(" ")[1])
    headers = {name: value for name, value in recorded["headers"] if name not in _FRAMING}
    if "chunks" not in recorded:
        body = recorded.get("body", "").encode()
        return web.Response(body=body or None, status=status, headers=headers)
    response = web.StreamResponse(status=status, headers=headers)
    await response.prepare(http)
    for chunk in recorded["chunks"]:
        await response.write(chunk.encode())
        await asyncio.sleep(0)
    await response.write_eof()
    return response


_FRAMING = ("Date", "Content-Length", "Transfer-Encoding")


def lines(*rows: dict[str, Any], delay: float = 0.0, then: str = "end") -> Play:
    """A stream of lines, each in a write of its own; `then`: end, drop or hang."""

    async def play(http: web.Request, asked: Asked) -> web.StreamResponse:
        headers = {"Content-Type": "application/x-ndjson"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(http)
        for row in rows:
            await response.write(orjson.dumps(row) + b"\n")
            await asyncio.sleep(delay)
        if then == "drop":
            assert http.transport is not None
            http.transport.close()
        if then != "end":
            await asyncio.Event().wait()
        await response.write_eof()
        return response

    return play


def text_of(http: web.Request, asked: Asked) -> list[dict[str, Any]]:
    """A short streamed chat in the name that was asked for."""
    name = asked.json["model"]
    stamp = {"model": name, "created_at": "2026-11-21T03:23:53.567011497Z"}
    counts = {"prompt_eval_count": 7, "eval_count": 2}
    done = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
    return [
        stamp | {"message": {"role": "assistant", "content": "from "}, "done": False},
        stamp | {"message": {"role": "assistant", "content": "Ollama"}, "done": False},
        stamp | done | counts,
    ]


async def chats(http: web.Request, asked: Asked) -> web.StreamResponse:
    """Answers any chat, streamed or whole."""
    rows = text_of(http, asked)
    if asked.json.get("stream") is False:
        whole = rows[-1] | {"message": {"role": "assistant", "content": "from Ollama"}}
        return web.Response(body=orjson.dumps(whole), content_type="application/json")
    return await lines(*rows)(http, asked)
