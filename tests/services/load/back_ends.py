"""The engines of a pipeline at a fixed pace: `python -m tests.services.load.back_ends --port P`.

One process and one port for all of them, which costs little: what it answers is made beforehand.
The paces are those at which OPEA's mega service was measured: docs/explanation/retrieval-load.md.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson

from tests.load import loops
from tests.load.mock_vllm import LENGTH
from tests.load.script import ROLE_CHUNK, STREAM_HEAD, TOKEN_CHUNKS, ending, with_length
from tests.support.recordings import recording

EMBED_SECONDS, RETRIEVE_SECONDS, RERANK_SECONDS = 0.005, 0.005, 0.020
FIRST_TOKEN_SECONDS, TOKEN_SECONDS, TOKENS = 0.100, 0.020, 60
DIMENSION = 384
WINDOW = 32_768
_DIRECTIONS = 64
"""Vectors that there are; which one a text has is a matter of its length."""


def rows() -> list[bytes]:
    vectors = np.random.default_rng(7).normal(size=(_DIRECTIONS, DIMENSION))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [orjson.dumps(row.astype(np.float32).tolist()) for row in vectors]


_ROWS = rows()


def vectors(body: dict[str, Any]) -> bytes:
    """As /v1/embeddings answers."""
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    data = b",".join(
        b'{"index":%d,"object":"embedding","embedding":%b}' % (at, _ROWS[len(text) % _DIRECTIONS])
        for at, text in enumerate(texts)
    )
    return b'{"object":"list","model":"embed","data":[%b],"usage":{"prompt_tokens":9}}' % data


def ranks(body: dict[str, Any]) -> bytes:
    """As /v1/rerank answers."""
    results = [
        {"index": at, "relevance_score": 1 / (1 + at)} for at, _ in enumerate(body["documents"])
    ]
    return orjson.dumps({"results": results})


def counted(body: dict[str, Any]) -> bytes:
    """As /v1/tokenize answers, without the list of tokens."""
    size = len(orjson.dumps(body)) // 4
    return b'{"count":%d,"max_model_len":%d,"tokens":[]}' % (size, WINDOW)


def found(body: dict[str, Any]) -> bytes:
    """As /v1/retrieval answers."""
    return _FOUND[min(body["k"], len(_FOUND)) - 1]


def found_rows(count: int) -> bytes:
    texts = [f"Number {at} says that cats bark or sleep. {_SAID}" for at in range(count)]
    places = [
        {"id": at, "file": f"{at}.md", "section": f"{at}.md > Chapter {at}", "position": at}
        | {"chunk_id": f"{at:032x}", "score": 1 / (1 + at), "dense": 0.5, "lexical": None}
        for at in range(count)
    ]
    docs = [{"id": f"{at:032x}", "text": text} for at, text in enumerate(texts)]
    return orjson.dumps({"id": "x", "retrieved_docs": docs, "metadata": places})


_SAID = "It is told in all particulars, as far as they are known, and nothing is left out. " * 8
_FOUND = [found_rows(count) for count in range(1, 41)]

WHOLE: dict[bytes, tuple[float, Callable[[dict[str, Any]], bytes]]] = {
    b"/v1/embeddings": (EMBED_SECONDS, vectors),
    b"/v1/retrieval": (RETRIEVE_SECONDS, found),
    b"/v1/rerank": (RERANK_SECONDS, ranks),
    b"/v1/tokenize": (0.0, counted),
    b"/tokenize": (0.0, counted),
}
_CHAT = b"/v1/chat/completions"
_PAGES = {b"/version": recording("version").body, b"/health": b""}


class Connection(asyncio.Protocol):
    """Requests with a Content-Length, one after another."""

    def __init__(self, tokens: int) -> None:
        self._tokens = tokens
        self._buffer = bytearray()
        self._closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed = True

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end])
        whole = end + 4 + (int(found[1]) if (found := LENGTH.search(head)) else 0)
        if len(self._buffer) >= whole:
            body = bytes(self._buffer[end + 4 : whole])
            del self._buffer[:whole]
            self._answer(head.split(b" ", 2)[1], body)

    def _answer(self, path: bytes, body: bytes) -> None:
        if path == _CHAT:
            self._later(FIRST_TOKEN_SECONDS, self._begin)
        elif path in WHOLE:
            seconds, reply = WHOLE[path]
            self._later(seconds, self._write, with_length(reply(orjson.loads(body))))
        else:
            self._write(with_length(_PAGES.get(path, b"{}")))

    def _later(self, seconds: float, what: Callable[..., None], *values: Any) -> None:
        asyncio.get_running_loop().call_later(seconds, what, *values)

    def _begin(self) -> None:
        self._write(STREAM_HEAD + ROLE_CHUNK)
        self._token(1)

    def _token(self, number: int) -> None:
        if number >= self._tokens:
            self._write(ending(self._tokens))
        elif not self._closed:
            self._write(TOKEN_CHUNKS[(number - 1) % len(TOKEN_CHUNKS)])
            self._later(TOKEN_SECONDS, self._token, number + 1)

    def _write(self, data: bytes) -> None:
        if not self._closed:
            self._transport.write(data)


async def serve(port: int, tokens: int) -> None:
    """Serves until SIGTERM."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    server = await loop.create_server(lambda: Connection(tokens), "127.0.0.1", port, backlog=4096)
    async with server:
        await stopped.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="engines of a pipeline at a fixed pace")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tokens", type=int, default=TOKENS, help="of each answer")
    chosen = parser.parse_args()
    loops.allow_many_files()
    loops.run(serve(chosen.port, chosen.tokens))


if __name__ == "__main__":
    main()
