"""What an engine streams, as vLLM writes it, and what the translator makes of it."""

from __future__ import annotations

import json
from typing import Any

import orjson

from adapter.translate.generation import Listening
from adapter.translate.replies import CHAT, LineWriter
from adapter.translate.stream import Translator
from adapter.translate.timings import Marks

STARTED, NOW = 1_000_000_000, 3_000_000_000
WALL = 1_795_227_526_000_000_000 - STARTED
MODEL = "Tiny:latest"
FAILED = "an error was encountered while running the model: "

COUNTS = ["prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration"]
LAST_KEYS = ["model", "created_at", "message", "done", "done_reason", "total_duration"]
LAST_KEYS += ["load_duration", *COUNTS]

# As vLLM writes them: a role, then a piece of text each, then why it ended, then the counts.
_HEAD = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m",'
ROLE = (
    _HEAD + b'"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,'
    b'"finish_reason":null}],"prompt_token_ids":null,"prompt_text":null}\n\n'
)
FINISH = (
    _HEAD + b'"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop",'
    b'"stop_reason":null,"token_ids":null}]}\n\n'
)
USAGE = (
    _HEAD + b'"choices":[],"usage":{"prompt_tokens":7,"total_tokens":10,"completion_tokens":3}}\n\n'
)
DONE = b"data: [DONE]\n\n"


def piece(text: str, *, ascii_only: bool = False) -> bytes:
    string = json.dumps(text).encode() if ascii_only else orjson.dumps(text)
    return (
        _HEAD + b'"choices":[{"index":0,"delta":{"content":' + string + b'},"logprobs":null,'
        b'"finish_reason":null,"token_ids":null}]}\n\n'
    )


def counted_piece(text: str, tokens: int) -> bytes:
    """A piece of text with the counts so far (continuous_usage_stats)."""
    counts = b',"usage":{"prompt_tokens":7,"total_tokens":9,"completion_tokens":%d}}' % tokens
    return piece(text).removesuffix(b"}\n\n") + counts + b"\n\n"


def translated(
    reads: list[bytes],
    writer: Any = None,
    own_stops: tuple[str, ...] = (),
    broken: Any = None,
    **listening: Any,
) -> tuple[bytes, Translator]:
    """What a client reads for these reads of the engine, as the server drives the translator."""
    writer = writer or LineWriter(CHAT, MODEL)
    heard = Listening(own_stops, **listening)
    translator = Translator(writer, Marks(STARTED, opened=STARTED + 1), WALL, heard)
    out = b""
    for data in reads:
        if translator.ended:
            break
        out += translator.feed(data, NOW)
    if not translator.ended:
        out += translator.finish(NOW, broken)
    assert translator.done is (translator.fault is None)
    return out, translator


def replies(out: bytes) -> list[dict[str, Any]]:
    """The lines, held to what every client needs of them."""
    lines = out.decode().splitlines()
    assert out == "".join(line + "\n" for line in lines).encode()
    parsed = [json.loads(line) for line in lines]
    for reply in parsed[:-1]:
        assert reply["done"] is False
    for reply in parsed:
        assert list(reply)[:3] == LAST_KEYS[:3]
        assert reply["message"]["role"] == "assistant"
    return parsed


def said(parsed: list[dict[str, Any]], key: str = "content") -> str:
    return "".join(reply["message"].get(key, "") for reply in parsed)


def sent(wire: bytes, key: str) -> str:
    """What the engine sent under this key of its deltas, read by other means."""
    payloads = [line[6:] for line in wire.split(b"\n") if line.startswith(b"data: {")]
    choices = [choice for load in payloads for choice in json.loads(load).get("choices", ())]
    return "".join(
        (choice.get("delta") or {}).get(key)
        or (choice.get("text") if key == "content" else "")
        or ""
        for choice in choices
    )


def event(choices: list[dict[str, Any]], **more: Any) -> bytes:
    return (
        _HEAD + b'"choices":' + orjson.dumps(choices) + b"}\n\n"
        if not more
        else (b"data: " + orjson.dumps({"model": "m", "choices": choices, **more}) + b"\n\n")
    )
