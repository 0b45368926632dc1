"""What tests of management have in common: requests that make and delete aliases, and look."""

from typing import Any

import orjson

from tests.support.raw_http import Reply, send
from tests.support.serve import Adapter


async def delete(adapter: Adapter, value: object) -> Reply:
    return await send(adapter.url, "DELETE", "/api/delete", orjson.dumps(value))


async def create(adapter: Adapter, name: str, **fields: object) -> Reply:
    """An alias of tiny-chat, which must succeed."""
    body = {"model": name, "from": "tiny-chat", **fields}
    reply = await adapter.post("/api/create", body)
    assert (reply.status, reply.lines[-1]) == (200, {"status": "success"}), reply.text
    return reply


async def names(adapter: Adapter) -> list[str]:
    return [model["name"] for model in (await adapter.get("/api/tags")).json["models"]]


async def show(adapter: Adapter, name: str) -> Any:
    reply = await adapter.post("/api/show", {"model": name})
    assert reply.status == 200
    return reply.json
