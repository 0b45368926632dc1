"""Answers of the real Ollama server, compared with ours: framing, chunks, key order, texts."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import House
from tests.support.raw_http import Reply, send

FILE = Path(__file__).parent / "golden.jsonl"
EXCHANGES = [json.loads(line) for line in FILE.read_text("utf-8").split("\n") if line]

OTHER_ON_PURPOSE = {
    "HTTP-03": "the version is that of a later release",
    "HTTP-16": "an empty body, whatever its framing",
    "CHAT-76": "the engine's message is unwrapped, not pasted as JSON into the error",
    "CHAT-78": "the text is vLLM's, not llama-server's",
    "CHAT-79": "the text tells what broke",
    "GEN-28": "the text tells what broke",
    "CHAT-80": "the text is vLLM's, not llama-server's",
    "TAGS-01": "other models, dates and sizes; see test_models.py",
    "TAGS-02": "the same",
    "TAGS-03": "the same",
    "PS-01": "the same",
    "PS-02": "the same",
    "SHOW-02": "a GGUF file's metadata; see test_models.py",
    "SHOW-05": "the same",
    "SHOW-06": "the same",
    "SHOW-07": "the same",
    "SHOW-08": "the same",
    "SHOW-09": "the same",
    "SHOW-10": "the same",
}
NOT_YET = {"context"}
"""Keys that this version does not answer with."""
OURS = {"prompt_eval_cached_count"}
"""A key of later releases."""
ROUNDING = 1e-6

COMPARED = [exchange for exchange in EXCHANGES if exchange["id"] not in OTHER_ON_PURPOSE]


@pytest.mark.parametrize("exchange", COMPARED, ids=lambda exchange: exchange["id"])
async def test_an_answer_is_that_of_ollama(house: House, exchange: dict[str, Any]):
    asked, recorded = exchange["request"], exchange["response"]
    for earlier in exchange.get("before", ()):
        method, path, _, body = earlier.split(" ", 3)
        await send(house.adapter.url, method, path, body.encode())
    method, path, _ = asked["line"].split(" ")
    body = asked["body"].encode() if "body" in asked else None
    ours = await send(house.adapter.url, method, path, body, dict(asked["headers"]))

    headers = {name.lower(): value for name, value in recorded["headers"]}
    assert ours.status == int(recorded["status_line"].split(" ")[1])
    assert kind(ours.headers.get("content-type")) == kind(headers.get("content-type"))
    assert ours.headers.get("allow") == headers.get("allow")
    assert framing(ours) == recorded["framing"] or method == "HEAD"
    volatile = set(exchange["volatile"])
    if recorded["framing"] == "chunked":
        assert len(ours.chunks) == len(recorded["chunks"])
        for mine, theirs in zip(ours.chunks, recorded["chunks"], strict=True):
            assert mine.endswith(b"\n") == theirs.endswith("\n")
            assert_same(json.loads(mine), json.loads(theirs), volatile)
    elif headers.get("content-type", "").startswith("application/json") and method != "HEAD":
        assert_same(ours.json, json.loads(recorded["body"]), volatile)
    else:
        assert ours.text == recorded.get("body", "")


def kind(content_type: str | None) -> str:
    return (content_type or "").split(";")[0]


def framing(reply: Reply) -> str:
    if "transfer-encoding" in reply.headers:
        return "chunked"
    return "length" if "content-length" in reply.headers else "none"


def assert_same(ours: Any, theirs: Any, volatile: set[str], where: str = "") -> None:
    """The same keys in the same order, and the same values where they don't change every time."""
    if where in volatile:
        assert type(ours) is type(theirs), where
    elif isinstance(theirs, dict):
        assert isinstance(ours, dict), where
        kept = [key for key in theirs if key not in NOT_YET]
        assert [key for key in ours if key not in OURS] == kept, where
        for key in kept:
            assert_same(ours[key], theirs[key], volatile, f"{where}.{key}".lstrip("."))
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), where
        for mine, other in zip(ours, theirs, strict=True):
            assert_same(mine, other, volatile, where + "[]")
    elif isinstance(theirs, (int, float)) and not isinstance(theirs, bool):
        assert math.isclose(ours, theirs, abs_tol=ROUNDING), where
    else:
        assert ours == theirs, where
