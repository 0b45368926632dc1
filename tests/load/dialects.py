"""The two ways to ask: Ollama's and OpenAI's. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from tests.load.script import END, MODEL, Order


@dataclass(frozen=True, slots=True)
class Dialect:
    """`token` occurs once in the bytes of each token, and `silent` times before the first; `read`
    turns a body into its text.

    `read` raises ValueError or KeyError for a body that is not a finished answer.
    """

    path: str
    token: bytes
    body: Callable[[Order, bool], bytes]
    read: Callable[[bytes, bool], str]
    silent: int = 0

    def request(self, order: Order, stream: bool, padding: int = 0) -> bytes:
        """The bytes of a question; `padding` bytes of words are added to its prompt."""
        body = self.body(order, stream).replace(END, _WORDS * (padding // len(_WORDS)) + END, 1)
        return (
            b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (self.path.encode(), len(body), body)
        )


_WORDS = b" and what then"


def _asked(order: Order, stream: bool, **more: Any) -> bytes:
    messages = [{"role": "user", "content": order.prompt()}]
    return orjson.dumps({"model": MODEL, "messages": messages, "stream": stream, **more})


def _ollama_body(order: Order, stream: bool) -> bytes:
    return _asked(order, stream, options={"temperature": 0, "num_predict": order.tokens})


def _openai_body(order: Order, stream: bool) -> bytes:
    usage = {"stream_options": {"include_usage": True}} if stream else {}
    return _asked(order, stream, temperature=0, max_tokens=order.tokens, **usage)


def _ollama_text(body: bytes, stream: bool) -> str:
    lines = [orjson.loads(line) for line in body.split(b"\n") if line]
    if not lines or not lines[-1].get("done"):
        raise ValueError("the last line is not done")
    return "".join(line["message"]["content"] for line in lines)


def _generate_text(body: bytes, stream: bool) -> str:
    if not stream:
        return _ollama_text(body, stream)
    lines = [orjson.loads(line) for line in body.split(b"\n") if line]
    if not lines or not lines[-1].get("done"):
        raise ValueError("the last line is not done")
    return "".join(line["response"] for line in lines)


def _openai_text(body: bytes, stream: bool) -> str:
    if not stream:
        return str(orjson.loads(body)["choices"][0]["message"]["content"])
    *events, done, rest = body.split(b"\n\n")
    if done != b"data: [DONE]" or rest:
        raise ValueError("no [DONE] at the end")
    chunks = [orjson.loads(event.removeprefix(b"data: ")) for event in events]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


OLLAMA = Dialect("/api/chat", b'"content"', _ollama_body, _ollama_text)
OPENAI = Dialect("/v1/chat/completions", b'{"content"', _openai_body, _openai_text)
GENERATE = Dialect("/api/chat", b'"response"', _ollama_body, _generate_text, silent=1)
"""Of a peer that streams a chat in the lines of /api/generate, the role's being the first."""
DIALECTS = {"ollama": OLLAMA, "openai": OPENAI, "generate": GENERATE}
