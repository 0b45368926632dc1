"""Requests below /v1 as real clients sent them: each is answered as by Ollama, or better."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from tests.support.raw_http import Reply, send
from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import Adapter, serving

FOLDER = Path(__file__).parents[1] / "recordings" / "clients"
CLIENTS = ("codex-cli-0.169.0", "openai-js-6.49.0", "anthropic-js-1.11.0", "pydantic-ai-2.68.0")
REFUSED = {"notfound": (404, "model 'nope' not found")}
OWN_HEADERS = ("host", "content-length", "connection", "transfer-encoding")
EMBEDDER = "nomic-embed-text"


@pytest.fixture
async def house(
    scripted: ScriptedVLLM, scripted_embedder: ScriptedVLLM, tmp_path: Path
) -> AsyncIterator[Adapter]:
    models = {
        "tiny": {
            "upstream": "engine0",
            "served_name": "tiny-chat",
            "capabilities": ["completion", "tools", "vision"],
        },
        EMBEDDER: {"upstream": "engine1", "served_name": "tiny-embed"},
    }
    urls = (scripted.url, scripted_embedder.url)
    async with serving(*urls, models=models, state_dir=str(tmp_path)) as adapter:
        await adapter.until_ready()
        yield adapter


@pytest.mark.parametrize("client", CLIENTS)
async def test_every_request_is_answered(house: Adapter, client: str):
    rows = [json.loads(line) for line in (FOLDER / f"{client}.jsonl").read_text().splitlines()]
    assert any(row["path"].startswith("/v1/") for row in rows)
    for row in rows:
        headers = {k: v for k, v in row["headers"].items() if k.lower() not in OWN_HEADERS}
        body = None if row["body"] is None else json.dumps(row["body"]).encode()
        reply = await send(house.url, row["method"], row["path"], body, headers)
        status, text = REFUSED.get(row["step"], (200, ""))
        seen = f"{row['step']}: {reply.status} {reply.body[:300]!r}"
        assert (reply.status, text in reply.text) == (status, True), seen
        check_names(row["path"], row["body"] or {}, reply)


def check_names(path: str, asked: dict, reply: Reply) -> None:
    """An answer names the model as the client did, in every event of it."""
    if reply.status != 200 or not path.startswith("/v1/") or "model" not in asked:
        return
    assert b"tiny-chat" not in reply.body
    assert b"tiny-embed" not in reply.body
    assert b'"model":' + orjson.dumps(asked["model"]) in reply.body
    if asked.get("stream"):
        last = reply.text.rstrip().rpartition("\n\n")[2]
        ends = ("data: [DONE]", "event: response.completed", "event: message_stop")
        assert last.startswith(ends)


async def test_what_codex_sends_reaches_the_engine_as_it_takes_it(
    house: Adapter, scripted: ScriptedVLLM
):
    """Its instructions are messages of a developer, a role that few templates know."""
    lines = (FOLDER / "codex-cli-0.169.0.jsonl").read_text().splitlines()
    [row] = [row for row in map(json.loads, lines) if row["path"] == "/v1/responses"]
    await house.post("/v1/responses", row["body"])
    [body] = scripted.bodies
    assert body["model"] == "tiny-chat"
    assert [item["role"] for item in body["input"]] == ["system", "system", "user", "user"]
    assert {tool["type"] for tool in body["tools"]} == {"function", "namespace", "web_search"}
    unchanged = set(row["body"]) - {"model", "input"}
    assert {key: body[key] for key in unchanged} == {key: row["body"][key] for key in unchanged}
