"""The services before a real adapter, all on sockets; only the engines behind it are scripted."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson
from services.running import serving
from services.settings import Settings

from adapter.server.app import make_app
from adapter.server.run import start
from adapter.settings import Settings as AdapterSettings
from tests.support import machine
from tests.support.raw_http import Reply, get, post, send
from tests.support.recordings import recording
from tests.support.scripted_vllm import CHAT, Play, ScriptedVLLM, Stage
from tests.support.words import words

DIMENSION = 64
PORTS = {
    f"{role}_port": 0
    for role in ("chatqna", "dataprep", "embedding", "tei", "retriever", "reranker", "llm")
}
_EMBEDDING = orjson.loads(recording("embed_single").body)


@dataclass
class Rag:
    """The services of one process, by role."""

    ports: dict[str, int]
    settings: Settings
    adapter: str = ""

    def url(self, role: str) -> str:
        return f"http://127.0.0.1:{self.ports[f'{role}_port']}"

    async def get(self, role: str, path: str, **options: Any) -> Reply:
        return await get(self.url(role), path, **options)

    async def post(self, role: str, path: str, value: Any, **options: Any) -> Reply:
        return await post(self.url(role), path, value, **options)

    async def ask(self, question: Any, **body: Any) -> Reply:
        messages = (
            [{"role": "user", "content": question}] if isinstance(question, str) else question
        )
        value = {"model": "chatqna", "messages": messages, **body}
        return await self.post("chatqna", "/v1/chat/completions", value)

    async def upload(self, *files: tuple[str, bytes], accept: str = "*/*", **fields: str) -> Reply:
        body, content_type = form(files, fields)
        headers = {"Content-Type": content_type, "Accept": accept}
        path = "/v1/dataprep/ingest"
        return await send(self.url("dataprep"), "POST", path, body, headers)

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels; 0 if there is none."""
        total = 0.0
        for line in (await self.get("chatqna", "/metrics")).text.splitlines():
            match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if match and match[1] == name:
                found = dict(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
                if labels.items() <= found.items():
                    total += float(match[3])
        return total


def form(files: tuple[tuple[str, bytes], ...], fields: dict[str, str]) -> tuple[bytes, str]:
    """multipart/form-data as curl sends it; files first."""
    mark = secrets.token_hex(8)
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, data in files
    ]
    parts += [
        f'--{mark}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode()
        for k, v in fields.items()
    ]
    return b"".join(parts) + f"--{mark}--\r\n".encode(), f"multipart/form-data; boundary={mark}"


async def bags(stage: Stage) -> None:
    """Answers as an embedding engine whose vectors count words: texts with the same words are near.

    A text with the word UNEMBEDDABLE is an error of the engine.
    """
    body = stage.received.body
    inputs = [body["input"]] if isinstance(body["input"], str) else body["input"]
    if any("UNEMBEDDABLE" in text for text in inputs):
        error = {"error": {"message": "boom", "type": "InternalServerError", "code": 500}}
        reply, status = orjson.dumps(error), 500
    else:
        data = [
            {"index": i, "object": "embedding", "embedding": bag(text)}
            for i, text in enumerate(inputs)
        ]
        reply, status = orjson.dumps(_EMBEDDING | {"model": body["model"], "data": data}), 200
    await stage.head(status, {"content-type": "application/json"}, length=len(reply))
    await stage.write(reply)


def in_chat(play: Play) -> Play:
    """What plays when a chat is asked for; tokens are counted as ever."""

    async def chosen(stage: Stage) -> None:
        await (play if stage.received.path == CHAT else words)(stage)

    return chosen


def bag(text: str) -> list[float]:
    vector = [0.01] * DIMENSION
    for word in re.findall(r"\w+", text.lower()):
        vector[zlib.crc32(word.encode()) % DIMENSION] += 1.0
    return vector


def embedder() -> ScriptedVLLM:
    return ScriptedVLLM(bags, models=("tiny-embed",), task="embed", root="models/tiny-bert-embed")


def settings_for(adapter: str, store: str, **changes: Any) -> Settings:
    given = {
        "adapter_url": adapter,
        "llm_model": "tiny-chat",
        "embedding_model": "tiny-embed",
        "store": store,
        **PORTS,
    }
    return Settings.model_validate(given | changes)


@contextlib.asynccontextmanager
async def adapter_before(*engines: dict[str, Any], port: int) -> AsyncIterator[str]:
    server = {"port": port, "state_dir": machine.fresh_state_dir()}
    # Told, so that the adapter needn't find it out anew for every test.
    models = {"tiny-chat": {"upstream": "llm", "capabilities": ["completion"]}}
    settings = AdapterSettings.model_validate(
        {"upstreams": list(engines), "models": models, "server": server}
    )
    runner, _ = await start(make_app(settings), settings)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@dataclass
class Stack:
    """What a test with everything holds: the engines' servers, and how to start services."""

    chat: ScriptedVLLM
    embed: ScriptedVLLM
    store: str

    @contextlib.asynccontextmanager
    async def up(self, role: str = "all", **changes: Any) -> AsyncIterator[Rag]:
        """The services, and the adapter that has them for an upstream."""
        port = machine.free_port()
        given = {"store": self.store, **changes}
        settings = settings_for(f"http://127.0.0.1:{port}", **given)
        async with contextlib.AsyncExitStack() as stack:
            ports = await stack.enter_async_context(serving(role, settings))
            engines = [
                {"name": "llm", "url": self.chat.url},
                {"name": "embed", "url": self.embed.url},
            ]
            if "chatqna_port" in ports:
                url = f"http://127.0.0.1:{ports['chatqna_port']}"
                engines.append({"name": "rag", "kind": "openai", "url": url})
            adapter = await stack.enter_async_context(adapter_before(*engines, port=port))
            await until_ready(adapter)
            yield Rag(ports, settings, adapter)


async def until_ready(adapter: str) -> None:
    async with asyncio.timeout(10):
        while True:
            reply = await get(adapter, "/ready")
            if reply.status == 200 and all(reply.json["upstreams"].values()):
                return
            await asyncio.sleep(0.02)
