"""Answers as the strictest clients read them: Go's decoder, Zed's serde, OllamaKit's Codable,
OllamaSharp's System.Version, zod.

They fail on null, on a number with a fraction, on a date without a zone, on a key that is missing.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contract.conftest import NAMES, House
from tests.support.raw_http import Reply
from tests.support.strict import METRICS, check_line, check_stream, check_values

TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
DETAILS = ("format", "family", "parameter_size", "quantization_level")
DIGEST = re.compile(r"[0-9a-f]{64}")


def chat(role: str, content: str, **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": content}]
    return {"model": NAMES[role], "messages": messages, **fields}


def generate(content: str, **fields: Any) -> dict[str, Any]:
    return {"model": NAMES["plain"], "prompt": content, **fields}


QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/api/chat", chat("plain", "hi")),
    "chat that thinks": ("/api/chat", chat("model", "hi", think=True)),
    "chat that doesn't": ("/api/chat", chat("model", "hi", think=False)),
    "chat with calls": ("/api/chat", chat("model", "CALL", tools=[TOOL], think=False)),
    "chat with thoughts and calls": ("/api/chat", chat("model", "CALL", tools=[TOOL])),
    "chat with logprobs": ("/api/chat", chat("plain", "hi", logprobs=True, top_logprobs=2)),
    "chat cut short": ("/api/chat", chat("plain", "LIMIT")),
    "generate": ("/api/generate", generate("hi")),
    "generate raw": ("/api/generate", generate("hi", raw=True)),
    "generate with logprobs": ("/api/generate", generate("hi", logprobs=True)),
    "generate cut short": ("/api/generate", generate("LIMIT")),
}


@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_stream(house: House, name: str):
    path, body = QUESTIONS[name]
    reply = await house.adapter.post(path, body)
    assert reply.status == 200
    lines = check_stream(reply)
    assert len(lines) >= 1
    if path == "/api/chat":
        assert all(line["message"]["role"] == "assistant" for line in lines)


@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_whole_answer(house: House, name: str):
    path, body = QUESTIONS[name]
    reply = await house.adapter.post(path, body | {"stream": False})
    assert reply.status == 200
    assert_json(reply)
    check_line(reply.json)
    assert reply.json["done"] is True
    assert all(type(reply.json[key]) is int for key in METRICS)


@pytest.mark.parametrize("word", ["MIDERR", "DIE"])
@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
async def test_a_stream_that_breaks(house: House, path: str, word: str):
    body = chat("plain", word) if path == "/api/chat" else generate(word)
    lines = (await house.adapter.post(path, body)).lines
    for line in lines:
        check_line(line)
    assert list(lines[-1]) == ["error"]


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
@pytest.mark.parametrize("keep_alive", [None, 0])
async def test_loading_and_unloading(house: House, path: str, keep_alive: int | None):
    reply = await house.adapter.post(path, {"model": NAMES["model"], "keep_alive": keep_alive})
    assert_json(reply)
    check_line(reply.json)
    assert reply.json["done_reason"] == ("load" if keep_alive is None else "unload")
    assert not set(METRICS) & reply.json.keys()


@pytest.mark.parametrize("given", ["hi", ["hi", "ho", ""]])
async def test_embed(house: House, given: str | list[str]):
    reply = await house.adapter.post("/api/embed", {"model": NAMES["embed"], "input": given})
    assert_json(reply)
    check_values(reply.json)
    assert list(reply.json)[:2] == ["model", "embeddings"]
    assert len(reply.json["embeddings"]) == (1 if isinstance(given, str) else len(given))
    for key in ("total_duration", "load_duration", "prompt_eval_count"):
        assert type(reply.json[key]) is int
    for vector in reply.json["embeddings"]:
        assert vector
        assert all(type(number) in (int, float) for number in vector)


async def test_tags(house: House):
    reply = await house.adapter.get("/api/tags")
    assert_json(reply)
    check_values(reply.json)
    assert len(reply.json["models"]) == 4
    for entry in reply.json["models"]:
        assert_entry(entry)
        assert re.fullmatch(r"[^:]+:[^:]+", entry["name"])
        assert isinstance(entry["modified_at"], str)
        assert isinstance(entry["capabilities"], list)


async def test_ps(house: House):
    for role in ("model", "plain", "embed"):
        path = "/api/embed" if role == "embed" else "/api/generate"
        await house.adapter.post(path, {"model": NAMES[role]})
    reply = await house.adapter.get("/api/ps")
    assert_json(reply)
    check_values(reply.json)
    assert len(reply.json["models"]) >= 3
    for entry in reply.json["models"]:
        assert_entry(entry)
        assert isinstance(entry["expires_at"], str)
        assert type(entry["size_vram"]) is int
        assert type(entry["context_length"]) is int


@pytest.mark.parametrize("role", ["model", "plain", "embed", "insert"])
async def test_show(house: House, role: str):
    reply = await house.adapter.post("/api/show", {"model": NAMES[role]})
    assert_json(reply)
    check_values(reply.json)
    shown = reply.json
    assert all(shown["details"][key] for key in DETAILS)
    assert shown["capabilities"]
    assert all(isinstance(word, str) for word in shown["capabilities"])
    for key in ("license", "modelfile", "parameters", "template", "modified_at"):
        assert isinstance(shown[key], str)
        assert shown[key]
    # Continue matches every line with this and reads the match's length.
    for line in shown["parameters"].split("\n"):
        assert re.fullmatch(r'\S+\s+(".*"|\S+)', line), line
    info = shown["model_info"]
    assert type(info[f"{info['general.architecture']}.context_length"]) is int


async def test_version(house: House):
    reply = await house.adapter.get("/api/version")
    assert_json(reply)
    numbers = [int(part) for part in reply.json["version"].split(".")]
    assert len(numbers) == 3
    assert numbers >= [0, 6, 4]


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate", "/api/embed", "/api/show"])
async def test_an_error_is_one_text(house: House, path: str):
    reply = await house.adapter.post(path, {"model": "nope-xyz", "prompt": "x", "input": "x"})
    assert reply.status == 404
    assert_json(reply)
    assert list(reply.json) == ["error"]
    assert isinstance(reply.json["error"], str)


def assert_json(reply: Reply) -> None:
    assert reply.headers["content-type"].startswith("application/json")


def assert_entry(entry: dict[str, Any]) -> None:
    """What tags and ps have in common."""
    assert entry["name"] == entry["model"]
    assert type(entry["size"]) is int
    assert DIGEST.fullmatch(entry["digest"])
    assert all(isinstance(entry["details"][key], str) and entry["details"][key] for key in DETAILS)
