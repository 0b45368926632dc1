"""Events in the shapes that vLLM was recorded with, and the play that obeys words in a prompt.

| word | what happens |
|---|---|
| LIMIT | the answer ends with `length` |
| ERR400 | HTTP 400, the prompt is longer than the context |
| MIDERR | one text event, then an error event |
| DIE | one text event, then the connection drops |
| SLOW | 0.3 s after each event |
"""

from __future__ import annotations

import asyncio
import base64
import struct
from typing import Any

import orjson

from tests.support.plays import begin
from tests.support.recordings import recording
from tests.support.scripted_vllm import Stage

_CHAT = recording("chat_stream_usage")
_ROLE, _TEXT, _LAST_TEXT, _USAGE = (orjson.loads(_CHAT.events[i][6:]) for i in (0, 1, 6, 7))
_METRICS = orjson.loads(recording("q3_reason_stream").events[5][6:])["metrics"]
_FINISH = orjson.loads(recording("chat_eos_stream").events[1][6:])
_EMBEDDING = orjson.loads(recording("embed_single").body)
DONE = b"data: [DONE]\n\n"
ENGINE_FAULT = recording("stream_engine_killed").events[-2]

PIECES = ("Hello", " <b>")
PROMPT_TOKENS, COMPLETION_TOKENS = 7, 3
VECTOR, RAW_VECTOR, TOKENS_PER_INPUT = [0.6, 0.8, 0.0, 0.0], [3.0, 4.0, 0.0, 0.0], 4


def role(model: str = "tiny-chat") -> bytes:
    return sse(_ROLE, model=model)


def text(content: str, model: str = "tiny-chat", *, finish: str | None = None) -> bytes:
    event = _LAST_TEXT if finish else _TEXT
    [choice] = event["choices"]
    changed = choice | {"delta": {"content": content}, "finish_reason": finish}
    return sse(event, model=model, choices=[changed])


def finish(reason: str = "stop", model: str = "tiny-chat", stop_reason: object = None) -> bytes:
    [choice] = _FINISH["choices"]
    changed = choice | {"finish_reason": reason, "stop_reason": stop_reason}
    return sse(_FINISH, model=model, choices=[changed])


def usage(prompt: int, completion: int, model: str = "tiny-chat", *, metrics: bool = True) -> bytes:
    counts = {
        "prompt_tokens": prompt,
        "total_tokens": prompt + completion,
        "completion_tokens": completion,
    }
    return sse(_USAGE, model=model, usage=counts, **({"metrics": _METRICS} if metrics else {}))


def answer(*pieces: str, model: str = "tiny-chat", counts: tuple[int, int] = (7, 3)) -> list[bytes]:
    """A whole stream: the role, a text event for each piece, a finish, the usage."""
    texts = [text(piece, model) for piece in pieces]
    return [role(model), *texts, finish(model=model), usage(*counts, model=model), DONE]


def sse(event: dict[str, Any], **changes: Any) -> bytes:
    return b"data: " + orjson.dumps(event | changes) + b"\n\n"


def with_usage(event: bytes, prompt: int, completion: int) -> bytes:
    """The event as `continuous_usage_stats` makes it."""
    counts = {
        "prompt_tokens": prompt,
        "total_tokens": prompt + completion,
        "completion_tokens": completion,
    }
    return sse(orjson.loads(event[6:]), usage=counts)


async def words(stage: Stage) -> None:
    """Answers "Hello <b>" in two events, unless a word of the prompt says otherwise."""
    body = stage.received.body
    if stage.received.path.endswith("/embeddings"):
        await embed(stage)
        return
    prompt = orjson.dumps(body.get("messages", body.get("prompt"))).decode()
    if "ERR400" in prompt:
        await stage.answer(recording("err_context"))
        return
    assert body.get("stream") is True, "only streams are played"
    model = body["model"]
    await begin(stage, _CHAT)
    for event in _script(prompt, model):
        await stage.write(event)
        if "SLOW" in prompt:
            await asyncio.sleep(0.3)
    if "DIE" in prompt:
        await stage.drop()


def _script(prompt: str, model: str) -> list[bytes]:
    first = [role(model), text(PIECES[0], model)]
    if "DIE" in prompt:
        return first
    if "MIDERR" in prompt:
        return [*first, ENGINE_FAULT, DONE]
    rest = [text(PIECES[1], model, finish="length")]
    if "LIMIT" not in prompt:
        rest = [text(PIECES[1], model), finish("stop", model)]
    return [*first, *rest, usage(PROMPT_TOKENS, COMPLETION_TOKENS, model), DONE]


async def embed(stage: Stage) -> None:
    """A vector for every input; dimensions and too long an input are refused as by a BERT model."""
    body = stage.received.body
    inputs = [body["input"]] if isinstance(body["input"], str) else body["input"]
    if not inputs:
        await stage.answer(recording("embed_empty_list"))
    elif body.get("dimensions") is not None:
        await stage.answer(recording("embed_dimensions"))
    elif body.get("truncate_prompt_tokens") is None and any(
        len(part.split()) > 512 for part in inputs
    ):
        await stage.answer(recording("qembed_too_long"))
    else:
        vector = RAW_VECTOR if body.get("use_activation") is False else VECTOR
        sent = encoded(vector) if body.get("encoding_format") == "base64" else vector
        data = [{"index": i, "object": "embedding", "embedding": sent} for i in range(len(inputs))]
        tokens = TOKENS_PER_INPUT * len(inputs)
        counts = _EMBEDDING["usage"] | {"prompt_tokens": tokens, "total_tokens": tokens}
        reply = orjson.dumps(_EMBEDDING | {"model": body["model"], "data": data, "usage": counts})
        await stage.head(200, {"content-type": "application/json"}, length=len(reply))
        await stage.write(reply)


def encoded(vector: list[float]) -> str:
    """As `encoding_format: base64` has it: little-endian float32."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
