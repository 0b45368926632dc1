"""Requests as real clients sent them, byte for byte but for their lengths, in their order."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import strict
from tests.support.raw_http import Reply, send
from tests.support.serve import Adapter
from tests.support.theatre import TINY, theatre

FOLDER = Path(__file__).parents[1] / "recordings" / "clients"
CLIENTS = (
    *("ollama-python-0.6.3", "ollama-js-0.6.4"),
    *("langchain-ollama-1.1.0", "llama-index-llms-ollama-0.11.0"),
)
REFUSED = {
    "error_404": (404, "model 'nope' not found"),
    "error_404_stream": (404, "model 'nope' not found"),
    "notfound": (404, "model 'nope' not found"),
    "pull_missing": (500, "file does not exist"),
    "generate_context_raw": (400, "raw mode does not support template, system, or context"),
}
"""Step -> the status and words of the real Ollama. Every other request is answered with 2xx."""
OWN_HEADERS = ("host", "content-length", "connection", "transfer-encoding")


@pytest.fixture
async def house() -> AsyncIterator[Adapter]:
    async with theatre(TINY) as running:
        yield running.adapter


@pytest.mark.parametrize("client", CLIENTS)
async def test_every_request_is_answered_as_by_ollama(house: Adapter, client: str):
    lines = (FOLDER / f"{client}.jsonl").read_text().splitlines()
    assert len(lines) > 10
    for row in map(json.loads, lines):
        reply = await replayed(house, row)
        status, words = REFUSED.get(row["step"], (200, ""))
        seen = f"{row['step']}: {reply.status} {reply.body[:300]!r}"
        assert (reply.status, words in reply.text) == (status, True), seen
        check(row, reply)


async def replayed(house: Adapter, row: dict[str, Any]) -> Reply:
    headers = {k: v for k, v in row["headers"].items() if k.lower() not in OWN_HEADERS}
    body = None if row["body"] is None else json.dumps(row["body"]).encode()
    return await send(house.url, row["method"], row["path"], body, headers)


def check(row: dict[str, Any], reply: Reply) -> None:
    """Whatever was asked, the answer is fit for the strictest client."""
    if reply.status >= 400:
        assert list(reply.json) == ["error"]
    elif row["path"] in ("/api/chat", "/api/generate"):
        if row["body"].get("stream", True):
            strict.check_stream(reply)
        else:
            strict.check_line(reply.json)
            assert reply.json["done"] is True
    elif reply.headers.get("content-type", "").startswith("application/x-ndjson"):
        for line in reply.lines:
            strict.check_values(line)
        assert reply.lines[-1] == {"status": "success"}
    elif row["path"] in ("/api/copy", "/api/delete"):
        assert reply.body == b""
    else:
        strict.check_values(reply.json)
