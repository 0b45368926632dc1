"""Statements about Ollama's API that were checked against the real server of Ollama 0.33."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import NAMES, House
from tests.support.raw_http import Reply, send
from tests.support.statements import check, fill

FILE = Path(__file__).parent / "statements.jsonl"
STATEMENTS = [json.loads(fill(line, NAMES)) for line in FILE.read_text("utf-8").split("\n") if line]


async def answer(base: str, request: dict[str, Any]) -> Reply:
    body = request.get("raw_body")
    if body is None and request.get("body") is not None:
        body = json.dumps(request["body"])
    headers = dict(request.get("headers", {}))
    if body is not None:
        headers = {"Content-Type": "application/json"} | headers
    payload = None if body is None else body.encode()
    return await send(base, request["method"], request["path"], payload, headers)


async def prepare(base: str, setup: str) -> None:
    if setup.startswith("POST "):
        _, path, rest = setup.split(" ", 2)
        await answer(
            base, {"method": "POST", "path": path, "body": json.loads(rest[: -len(" first")])}
        )
    elif setup == "unload all":
        for model in (await answer(base, {"method": "GET", "path": "/api/ps"})).json["models"]:
            body = {"model": model["name"], "keep_alive": 0}
            await answer(base, {"method": "POST", "path": "/api/generate", "body": body})


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement["id"])
async def test_a_statement_holds(house: House, statement: dict[str, Any]):
    await prepare(house.adapter.url, statement.get("setup", ""))
    reply = await answer(house.adapter.url, statement["request"])
    assert check(statement["expect"], reply) == [], statement["statement"]
