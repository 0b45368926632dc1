"""A server that plays vLLM on a real socket: recorded bytes, and every fault on demand.

What it answers to a POST is a *play* (tests/support/plays.py), a coroutine that is handed the
connection and does to it what vLLM, or a broken network, would do.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from tests.support.listening import Listening
from tests.support.recordings import Recording, recording

CHAT, COMPLETIONS, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
POST_ONLY = {
    "chat": {
        *(CHAT, COMPLETIONS, "/tokenize", "/detokenize"),
        *("/v1/responses", "/v1/messages", "/v1/messages/count_tokens"),
    },
    "embed": {EMBEDDINGS, "/tokenize", "/detokenize", "/v1/rerank", "/v1/score"},
    "audio": {"/v1/audio/transcriptions", "/v1/audio/translations"},
}
LOAD_LORA, UNLOAD_LORA = "/v1/load_lora_adapter", "/v1/unload_lora_adapter"
TEMPLATE = recording("models")
RECV_PATIENCE = 5.0


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Stage:
    """The connection a play acts on."""

    http: web.Request
    received: Received
    _response: web.StreamResponse | None = None

    async def answer(self, found: Recording) -> None:
        await self.head(found.status, dict(found.headers), length=len(found.body))
        await self.write(found.body)

    async def head(self, status: int, headers: dict[str, str], length: int | None = None) -> None:
        """The status line and headers; a chunked body follows unless `length` says otherwise."""
        self._response = web.StreamResponse(status=status)
        for name, value in headers.items():
            if name not in ("transfer-encoding", "content-length", "date"):
                self._response.headers[name] = value
        if length is None:
            self._response.enable_chunked_encoding()
        else:
            self._response.content_length = length
        await self._response.prepare(self.http)

    async def write(self, data: bytes) -> None:
        """One write, one HTTP chunk."""
        assert self._response is not None
        await self._response.write(data)
        await asyncio.sleep(0)  # lets a reader in the same loop see this write by itself

    def raw(self, data: bytes) -> None:
        """Bytes past the HTTP library."""
        assert self.http.transport is not None
        self.http.transport.write(data)

    async def hang(self) -> None:
        await asyncio.Event().wait()

    async def drop(self) -> None:
        """Close in the middle: what was written arrives, the last chunk never does."""
        assert self.http.transport is not None
        self.http.transport.close()
        await self.hang()

    async def reset(self) -> None:
        """Close with RST."""
        assert self.http.transport is not None
        plug = self.http.transport.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.http.transport.abort()
        await self.hang()


Play = Callable[[Stage], Awaitable[None]]


class ScriptedVLLM(Listening):
    """`play` answers the POSTs; `seen` holds every one of them as it came in."""

    def __init__(
        self,
        play: Play,
        *,
        models: tuple[str, ...] = ("tiny-chat",),
        task: str = "chat",
        max_model_len: int | None = 4096,
        root: str = "models/tiny-chat",
        abilities: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(largest=64 * 2**20)
        self.play = play
        self.models = models
        self.task = task
        self.max_model_len = max_model_len
        self.root = root
        self.abilities = abilities
        """tools, thinking, vision: what the adapter finds out when it asks; see `_tell_ability`."""
        self.loras: dict[str, str] | None = None
        """Adapters loaded at run time, name → folder. None: without the routes that load them."""
        self.lora_enabled = self.lora_visible = True
        """Whether it was started for adapters, and sees the folders it is told of."""
        self.api_key = ""
        """Asked for on /v1, if there is one."""
        self.seen: list[Received] = []
        self.asked: list[str] = []
        """Every request line, probes included."""
        self.in_flight = 0
        self.gone = 0
        """Requests whose client left before the play was over."""
        self._changed = asyncio.Condition()

    @property
    def bodies(self) -> list[Any]:
        return [received.body for received in self.seen]

    async def until(self, condition: Callable[[], bool], within: float = RECV_PATIENCE) -> None:
        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(condition)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _serve(self, http: web.Request) -> web.StreamResponse:
        self.asked.append(f"{http.method} {http.path}")
        if self.api_key and http.headers.get("Authorization") != f"Bearer {self.api_key}":
            return _json(401, {"error": "Unauthorized"})
        if http.headers.get("X-Request-Id") == "adapter-abilities":
            return await self._tell_ability(http)
        if http.path in POST_ONLY[self.task]:
            if http.method != "POST":
                return _json(405, {"detail": "Method Not Allowed"}, {"allow": "POST"})
            return await self._perform(http)
        if self.loras is not None and http.path in (LOAD_LORA, UNLOAD_LORA):
            return _replay(await self._change_lora(http, self.loras))
        if http.method == "GET" and http.path == "/v1/models":
            return _json(200, self._model_list())
        if http.method == "GET" and http.path in ("/health", "/ping"):
            return web.Response(status=200)
        if http.method == "GET" and http.path == "/version":
            return _json(200, {"version": "0.32.0"})
        return _json(404, {"detail": "Not Found"})

    async def _tell_ability(self, http: web.Request) -> web.StreamResponse:
        """Recorded answers to the questions by which the adapter finds out what a model can do."""
        body = orjson.loads(await http.read())
        if isinstance(body["messages"][0]["content"], list):
            name = "vision_bad_b64" if "vision" in self.abilities else "ability_blind"
        elif "tools" in body and "tools" not in self.abilities:
            name = "ability_no_tools"
        elif "thinking" in self.abilities:
            name = "ability_tools_thinking"
        else:
            name = "ability_tools" if "tools" in body else "ability_plain"
        found = recording(name)
        return web.Response(body=found.body, status=found.status, content_type="application/json")

    async def _perform(self, http: web.Request) -> web.StreamResponse:
        body = orjson.loads(await http.read())
        stage = Stage(http, Received(http.path, dict(http.headers), body))
        self.seen.append(stage.received)
        self.in_flight += 1
        await self._tell()
        try:
            await self.play(stage)
        except (asyncio.CancelledError, ConnectionError):
            self.gone += 1
            raise
        finally:
            self.in_flight -= 1
            await asyncio.shield(self._tell())
        assert stage._response is not None, "the play gave no answer"
        return stage._response

    async def _change_lora(self, http: web.Request, loras: dict[str, str]) -> str:
        """Loads or unloads an adapter; the name of the recorded answer."""
        body = orjson.loads(await http.read())
        name = body["lora_name"]
        if http.path == UNLOAD_LORA:
            return "q3_lora_unload" if loras.pop(name, None) else "lora_unload_unknown"
        if not self.lora_enabled:
            return "lora_load"
        if name in loras:
            return "q3_lora_load_dup"
        if not self.lora_visible:
            return "q3_lora_load_missing"
        loras[name] = body["lora_path"]
        return "q3_lora_load"

    def _model_list(self) -> dict[str, Any]:
        listed = orjson.loads(TEMPLATE.body)
        first = listed["data"][0]
        own = {"root": self.root, "max_model_len": self.max_model_len}
        listed["data"] = [first | own | {"id": name} for name in self.models]
        for name, folder in (self.loras or {}).items():
            of_a_lora = {"root": folder, "parent": self.models[0], "max_model_len": None}
            listed["data"].append(first | of_a_lora | {"id": name})
        return listed


def _replay(name: str) -> web.Response:
    found = recording(name)
    return web.Response(body=found.body, status=found.status, content_type="application/json")


def _json(status: int, value: Any, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(value),
        status=status,
        content_type="application/json",
        headers={"server": "uvicorn", **(headers or {})},
    )
