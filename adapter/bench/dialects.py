"""The two ways to ask for a chat that streams: Ollama's and OpenAI's. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Question:
    """`number` makes it unlike any other, so that no engine knows its beginning already."""

    model: str
    number: int
    tokens: int

    @property
    def prompt(self) -> str:
        return f"{self.number}. Tell me a very long story, and go on until you are stopped."


@dataclass(frozen=True, slots=True)
class Piece:
    """What a line of an answer says. `tokens` is the count that stands in its end."""

    text: bool = False
    tokens: int | None = None
    over: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """`read` takes one line without its end.

    It raises ValueError, TypeError, LookupError or AttributeError for a line that is none.
    """

    path: str
    body: Callable[[Question], bytes]
    read: Callable[[bytes], Piece]


def _ollama_body(question: Question) -> bytes:
    return orjson.dumps(_asked(question) | {"options": {"num_predict": question.tokens}})


def _openai_body(question: Question) -> bytes:
    usage = {"stream_options": {"include_usage": True}}
    return orjson.dumps(_asked(question) | {"max_tokens": question.tokens} | usage)


def _asked(question: Question) -> dict[str, Any]:
    messages = [{"role": "user", "content": question.prompt}]
    return {"model": question.model, "messages": messages, "stream": True}


def _read_ollama(line: bytes) -> Piece:
    if not line:
        return Piece()
    read = orjson.loads(line)
    if "error" in read:
        return Piece(error=str(read["error"]))
    message = read["message"]
    text = bool(message.get("content") or message.get("thinking"))
    if not read["done"]:
        return Piece(text)
    return Piece(text, int(read.get("eval_count", 0)), over=True)


def _read_openai(line: bytes) -> Piece:
    if not line.startswith(b"data:"):
        return Piece()  # a comment, or the blank line after an event
    said = line.removeprefix(b"data:").strip()
    if said == b"[DONE]":
        return Piece(over=True)
    read = orjson.loads(said)
    if "error" in read:
        return Piece(error=str(read["error"]))
    deltas = [choice["delta"] for choice in read["choices"]]
    texts = ("content", "reasoning", "reasoning_content")
    usage = read.get("usage")
    return Piece(
        any(delta.get(key) for delta in deltas for key in texts),
        int(usage["completion_tokens"]) if usage else None,
    )


OLLAMA = Dialect("/api/chat", _ollama_body, _read_ollama)
OPENAI = Dialect("/v1/chat/completions", _openai_body, _read_openai)
