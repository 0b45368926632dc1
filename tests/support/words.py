"""Events in the shapes that vLLM was recorded with, and the play that obeys words in a prompt.

| word | what happens |
|---|---|
| LIMIT | the answer ends with `length` |
| CALL | if there are tools: two tool calls, `get_weather` {"city":"Paris"} and `get_time` {} |
| ERR400 | HTTP 400, the prompt is longer than the context |
| MIDERR | one text event, then an error event |
| DIE | one text event, then the connection drops |
| SLOW | 0.3 s after each event |

A model that thinks ("nat", unless it is told not to) does so first. Logprobs and token ids come
when they are asked for.
"""

from __future__ import annotations

import asyncio
import base64
import struct
from typing import Any

import orjson

from tests.support import v1_words
from tests.support.plays import begin
from tests.support.recordings import recording
from tests.support.scripted_vllm import Stage

_CHAT = recording("chat_stream_usage")
_ROLE, _TEXT, _LAST_TEXT, _USAGE = (orjson.loads(_CHAT.events[i][6:]) for i in (0, 1, 6, 7))
_METRICS = orjson.loads(recording("q3_reason_stream").events[5][6:])["metrics"]
_FINISH = orjson.loads(recording("chat_eos_stream").events[1][6:])
_TOOLS = recording("tool_auto_forced_text_stream")
_CALL_BEGUN, _CALL_PIECE = (orjson.loads(_TOOLS.events[i][6:]) for i in (1, 2))
_REASONING = orjson.loads(recording("q3_reason_stream").events[1][6:])
_EMBEDDING = orjson.loads(recording("embed_single").body)
DONE = b"data: [DONE]\n\n"
ENGINE_FAULT = recording("stream_engine_killed").events[-2]

THINKERS = ("nat",)
THOUGHTS = ("hmm", " ok")
CALLS = (("abc123", "get_weather", ('{"city"', ':"Paris"', "}")), ("def", "get_time", ("{", "}")))
PIECES = ("Hello", " <b>")
PROMPT_IDS, PIECE_IDS = [0], ([1], [2])
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
    prompt = orjson.dumps(body.get("messages", body.get("prompt", body.get("input")))).decode()
    if "ERR400" in prompt:
        await stage.answer(recording("err_context"))
        return
    if await v1_words.play(stage, prompt):
        return
    await begin(stage, _CHAT)
    for event in script(prompt, body):
        await stage.write(event)
        if "SLOW" in prompt:
            await asyncio.sleep(0.3)
    if "DIE" in prompt:
        await stage.drop()


def script(prompt: str, body: dict[str, Any]) -> list[bytes]:
    """The events for a chat."""
    model = body["model"]
    first = [first_event(body), *(reasoning(part, model) for part in thoughts(body))]
    if "CALL" in prompt and body.get("tools"):
        last = [finish("tool_calls", model), usage(PROMPT_TOKENS, COMPLETION_TOKENS, model), DONE]
        return [*first, *tool_calls(model), *last]
    first.append(detailed(text(PIECES[0], model), body, 0))
    if "DIE" in prompt:
        return first
    if "MIDERR" in prompt:
        return [*first, ENGINE_FAULT, DONE]
    if "LIMIT" in prompt:
        rest = [detailed(text(PIECES[1], model, finish="length"), body, 1)]
    else:
        rest = [detailed(text(PIECES[1], model), body, 1), finish("stop", model)]
    return [*first, *rest, usage(PROMPT_TOKENS, COMPLETION_TOKENS, model), DONE]


def thoughts(body: dict[str, Any]) -> tuple[str, ...]:
    """What is thought before the answer."""
    switched = body.get("chat_template_kwargs", {}).get("enable_thinking")
    by_itself = body["model"] in THINKERS and body.get("reasoning_effort") != "none"
    return THOUGHTS if switched or (switched is None and by_itself) else ()


def first_event(body: dict[str, Any]) -> bytes:
    ids = PROMPT_IDS if body.get("return_token_ids") else None
    return sse(_ROLE, model=body["model"], prompt_token_ids=ids)


def reasoning(part: str, model: str = "tiny-chat") -> bytes:
    [choice] = _REASONING["choices"]
    return sse(_REASONING, model=model, choices=[choice | {"delta": {"reasoning": part}}])


def tool_calls(model: str = "tiny-chat") -> list[bytes]:
    """The events of CALLS: for each its name, then its arguments in pieces."""
    return [
        event
        for index, (call, name, pieces) in enumerate(CALLS)
        for event in (
            call_begun(index, call, name, model),
            *(call_piece(index, piece, model) for piece in pieces),
        )
    ]


def call_begun(index: int, call: str, name: str, model: str = "tiny-chat") -> bytes:
    begun = {"id": call, "type": "function", "index": index, "function": {"name": name}}
    return _with_call(_CALL_BEGUN, begun, model)


def call_piece(index: int, arguments: str, model: str = "tiny-chat") -> bytes:
    return _with_call(_CALL_PIECE, {"index": index, "function": {"arguments": arguments}}, model)


def _with_call(event: dict[str, Any], call: dict[str, Any], model: str) -> bytes:
    [choice] = event["choices"]
    delta = {"content": None, "tool_calls": [call]}
    return sse(event, model=model, choices=[choice | {"delta": delta}])


def detailed(event: bytes, body: dict[str, Any], piece: int) -> bytes:
    """The event of a piece with what the body asks for: logprobs, token ids."""
    value = orjson.loads(event[6:])
    [choice] = value["choices"]
    if body.get("logprobs"):
        choice["logprobs"] = {"content": [logprob(PIECES[piece], body.get("top_logprobs") or 0)]}
    if body.get("return_token_ids"):
        choice["token_ids"] = PIECE_IDS[piece]
    return sse(value)


def logprob(token: str, top: int) -> dict[str, Any]:
    """A row as chat has it."""
    other = {"token": "A", "logprob": -0.2, "bytes": [65]}
    row = {"token": token, "logprob": -0.2, "bytes": list(token.encode())}
    return row | {"top_logprobs": [other][:top]}


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
