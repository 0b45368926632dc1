"""The two ways to ask: Ollama's and OpenAI's. Pure."""

from __future__ import annotations

from base64 import b64encode
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
    body: Callable[[Order, bool, str, int], bytes]
    read: Callable[[bytes, bool], str]
    silent: int = 0

    def request(
        self, order: Order, stream: bool, padding: int = 0, model: str = MODEL, images: int = 0
    ) -> bytes:
        """The bytes of a question; `padding` bytes of words are added to its prompt."""
        body = self.body(order, stream, model, images)
        if padding:
            body = body.replace(END, _WORDS * (padding // len(_WORDS)) + END, 1)
        return (
            b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (self.path.encode(), len(body), body)
        )


_WORDS = b" and what then"
_PICTURE = b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 293).decode()
"""100,000 letters that look like a picture as long as nobody opens it."""


def _ollama_body(order: Order, stream: bool, model: str, images: int) -> bytes:
    message = {"role": "user", "content": order.prompt()}
    if images:
        message |= {"images": [_PICTURE] * images}
    options = {"temperature": 0, "num_predict": order.tokens}
    asked = {"model": model, "messages": [message], "stream": stream, "options": options}
    return orjson.dumps(asked)


def _openai_body(order: Order, stream: bool, model: str, images: int) -> bytes:
    content: Any = order.prompt()
    if images:
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PICTURE}"}}
        content = [{"type": "text", "text": content}, *[picture] * images]
    asked = {
        "model": model,
        "messages": [{"role": "user", "content": content}],
        "stream": stream,
        "temperature": 0,
        "max_tokens": order.tokens,
    }
    return orjson.dumps(asked | ({"stream_options": {"include_usage": True}} if stream else {}))


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
