"""What the scripted vLLM does below /v1 beside chat streams; words in the prompt as in `words`.

Every answer is a recorded one with other texts, names and counts.
"""

from __future__ import annotations

from typing import Any

import orjson

from tests.support import words as chat_words
from tests.support.plays import begin
from tests.support.recordings import Recording, recording
from tests.support.scripted_vllm import Stage

COMPLETIONS = "/v1/completions"
RESPONSES = "/v1/responses"
MESSAGES = "/v1/messages"
COUNT_TOKENS = "/v1/messages/count_tokens"

MESSAGES_FAULT = recording("messages_engine_killed").events[-1]

_PLAIN = {
    COUNT_TOKENS: "messages_count",
    "/v1/rerank": "rerank_rerank",
    "/v1/score": "score_score",
    "/tokenize": "tokenize_prompt",
    "/detokenize": "detokenize",
}
_CHAT = orjson.loads(recording("chat_nonstream").body)
_CHAT_CALLS = orjson.loads(recording("tool_auto_forced_two").body)
_COMPLETION = orjson.loads(recording("compl_nonstream").body)
_STREAM = recording("compl_stream_usage")
_COMPLETION_EVENTS = [orjson.loads(event[6:]) for event in _STREAM.events[:7]]
_RESPONSE = orjson.loads(recording("responses").body)
_RESPONSE_CALL = orjson.loads(recording("responses_tool").body)["output"][0]
_RESPONSE_REASONING = orjson.loads(recording("q3_responses_reasoning").body)["output"][0]
_MESSAGE = orjson.loads(recording("messages").body)
_MESSAGE_CALL = orjson.loads(recording("messages_tool").body)["content"][0]
_MESSAGE_THINKING = orjson.loads(recording("q3_messages_thinking").body)["content"][0]


async def play(stage: Stage, prompt: str) -> bool:
    """Answers whatever is no stream of a chat; False if it is one."""
    path, body = stage.received.path, stage.received.body
    if path in _PLAIN:
        await _answer(stage, recording(_PLAIN[path]), body["model"])
    elif path == MESSAGES:
        await (_message_stream if body.get("stream") else _message)(stage, prompt)
    elif path == RESPONSES:
        await (_response_stream if body.get("stream") else _response)(stage, prompt)
    elif path == COMPLETIONS and not body.get("prompt"):
        await stage.answer(recording("compl_prompt_empty"))
    elif path == COMPLETIONS and body.get("stream"):
        await _completion_stream(stage, prompt)
    elif path == COMPLETIONS:
        await _whole(stage, _completion(body, prompt))
    elif not body.get("stream"):
        await _whole(stage, _chat(body, prompt))
    else:
        return False
    return True


async def _answer(stage: Stage, found: Recording, model: str) -> None:
    value = orjson.loads(found.body)
    if "model" in value:
        value["model"] = model
    await _whole(stage, value)


async def _whole(stage: Stage, value: dict[str, Any]) -> None:
    reply = orjson.dumps(value)
    await stage.head(200, {"content-type": "application/json"}, length=len(reply))
    await stage.write(reply)


def _counts() -> dict[str, Any]:
    prompt, completion = chat_words.PROMPT_TOKENS, chat_words.COMPLETION_TOKENS
    return {
        "prompt_tokens": prompt,
        "total_tokens": prompt + completion,
        "completion_tokens": completion,
    }


def _calls(body: dict[str, Any], prompt: str) -> bool:
    return "CALL" in prompt and bool(body.get("tools"))


def _text() -> str:
    return "".join(chat_words.PIECES)


def _chat(body: dict[str, Any], prompt: str) -> dict[str, Any]:
    thought = "".join(chat_words.thoughts(body)) or None
    template = _CHAT_CALLS if _calls(body, prompt) else _CHAT
    [choice] = template["choices"]
    message = choice["message"] | {"reasoning": thought}
    finish = "length" if "LIMIT" in prompt else "stop"
    if _calls(body, prompt):
        finish = "tool_calls"
        message["tool_calls"] = [
            call | {"id": known, "function": {"name": name, "arguments": "".join(pieces)}}
            for call, (known, name, pieces) in zip(
                message["tool_calls"], chat_words.CALLS, strict=True
            )
        ]
    else:
        message["content"] = _text()
    choices = [
        choice | {"index": index, "message": message, "finish_reason": finish, "stop_reason": None}
        for index in range(body.get("n") or 1)
    ]
    return template | {"model": body["model"], "choices": choices, "usage": _counts()}


def _completion(body: dict[str, Any], prompt: str) -> dict[str, Any]:
    [choice] = _COMPLETION["choices"]
    prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
    finish = "length" if "LIMIT" in prompt else "stop"
    choices = [
        choice | {"index": index, "text": _text(), "finish_reason": finish}
        for index in range(len(prompts))
    ]
    return _COMPLETION | {"model": body["model"], "choices": choices, "usage": _counts()}


async def _completion_stream(stage: Stage, prompt: str) -> None:
    body = stage.received.body
    model = body["model"]
    first, *_, last, usage = _COMPLETION_EVENTS

    def piece(event: dict[str, Any], number: int, finish: str | None) -> bytes:
        [choice] = event["choices"]
        changed = choice | {"text": chat_words.PIECES[number], "finish_reason": finish}
        if body.get("return_token_ids"):
            changed["prompt_token_ids"] = None if number else chat_words.PROMPT_IDS
            changed["token_ids"] = chat_words.PIECE_IDS[number]
        return chat_words.sse(event, model=model, choices=[changed])

    await begin(stage, _STREAM)
    await stage.write(piece(first, 0, None))
    if await _went_wrong(stage, prompt, chat_words.ENGINE_FAULT):
        return
    await stage.write(piece(last, 1, "length" if "LIMIT" in prompt else "stop"))
    if (stage.received.body.get("stream_options") or {}).get("include_usage"):
        await stage.write(chat_words.sse(usage, model=model, usage=_counts()))
    await stage.write(chat_words.DONE)


async def _went_wrong(stage: Stage, prompt: str, fault: bytes) -> bool:
    if "DIE" in prompt:
        await stage.drop()
    if "MIDERR" in prompt:
        await stage.write(fault)
    return "MIDERR" in prompt


def _event(kind: str, value: dict[str, Any]) -> bytes:
    return f"event: {kind}\ndata: ".encode() + orjson.dumps(value) + b"\n\n"


def _parsed(name: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of a recorded stream that has `event:` lines."""
    parsed = []
    for event in recording(name).events:
        kind, _, data = event.strip().partition(b"\n")
        parsed.append((kind[7:].decode(), orjson.loads(data[6:])))
    return parsed


# Anthropic's messages


def _blocks(body: dict[str, Any], prompt: str) -> list[dict[str, Any]]:
    thought = "".join(chat_words.thoughts(body))
    blocks = [_MESSAGE_THINKING | {"thinking": thought}] if thought else []
    if not _calls(body, prompt):
        return [*blocks, {"type": "text", "text": _text()}]
    for known, name, pieces in chat_words.CALLS:
        arguments = orjson.loads("".join(pieces))
        blocks.append(_MESSAGE_CALL | {"id": known, "name": name, "input": arguments})
    return blocks


def _stop_reason(body: dict[str, Any], prompt: str) -> str:
    if _calls(body, prompt):
        return "tool_use"
    return "max_tokens" if "LIMIT" in prompt else "end_turn"


def _message_counts() -> dict[str, int]:
    return {"input_tokens": chat_words.PROMPT_TOKENS, "output_tokens": chat_words.COMPLETION_TOKENS}


async def _message(stage: Stage, prompt: str) -> None:
    body = stage.received.body
    changes = {"model": body["model"], "content": _blocks(body, prompt)}
    changes |= {"stop_reason": _stop_reason(body, prompt), "usage": _message_counts()}
    await _whole(stage, _MESSAGE | changes)


async def _message_stream(stage: Stage, prompt: str) -> None:
    body = stage.received.body
    start, *_, delta, stop = _parsed("messages_stream")
    message = start[1]["message"] | {"model": body["model"]}
    await begin(stage, recording("messages_stream"))
    await stage.write(_event("message_start", start[1] | {"message": message}))
    for index, block in enumerate(_blocks(body, prompt)):
        for kind, value in _block_events(block):
            await stage.write(_event(kind, value | {"index": index}))
            in_text = block["type"] == "text" and kind == "content_block_delta"
            if in_text and await _went_wrong(stage, prompt, MESSAGES_FAULT):
                return
    stopped = delta[1]["delta"] | {"stop_reason": _stop_reason(body, prompt)}
    await stage.write(
        _event("message_delta", delta[1] | {"delta": stopped, "usage": _message_counts()})
    )
    await stage.write(_event(*stop))


def _block_events(block: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The events of a block, as in messages_stream, messages_tool_stream, q3_messages_thinking."""
    if block["type"] == "thinking":
        empty = {"type": "thinking", "thinking": ""}
        deltas = [{"type": "thinking_delta", "thinking": part} for part in chat_words.THOUGHTS]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    elif block["type"] == "tool_use":
        empty = block | {"input": {}}
        known = orjson.dumps(block["input"]).decode()
        pieces = (known[:1], known[1:])
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    else:
        empty = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": part} for part in chat_words.PIECES]
    return [
        ("content_block_start", {"type": "content_block_start", "content_block": empty}),
        *(
            ("content_block_delta", {"type": "content_block_delta", "delta": delta})
            for delta in deltas
        ),
        ("content_block_stop", {"type": "content_block_stop"}),
    ]


# OpenAI's responses


def _response_whole(body: dict[str, Any], prompt: str) -> dict[str, Any]:
    output: list[dict[str, Any]] = []
    if thought := "".join(chat_words.thoughts(body)):
        inner = [{"text": thought, "type": "reasoning_text"}]
        output.append(_RESPONSE_REASONING | {"content": inner})
    if _calls(body, prompt):
        output += [
            _RESPONSE_CALL | {"call_id": known, "name": name, "arguments": "".join(pieces)}
            for known, name, pieces in chat_words.CALLS
        ]
    else:
        [message] = _RESPONSE["output"]
        output.append(message | {"content": [message["content"][0] | {"text": _text()}]})
    prompt_tokens, generated = chat_words.PROMPT_TOKENS, chat_words.COMPLETION_TOKENS
    usage = _RESPONSE["usage"] | {
        "input_tokens": prompt_tokens,
        "output_tokens": generated,
        "total_tokens": prompt_tokens + generated,
    }
    cut = "LIMIT" in prompt
    return _RESPONSE | {
        "model": body["model"],
        "output": output,
        "usage": usage,
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
    }


async def _response(stage: Stage, prompt: str) -> None:
    await _whole(stage, _response_whole(stage.received.body, prompt))


async def _response_stream(stage: Stage, prompt: str) -> None:
    """The recorded stream of one message with our text in it."""
    body = stage.received.body
    whole = _response_whole(body, prompt)
    begun = {"model": body["model"], "id": whole["id"]}
    await begin(stage, recording("responses_stream"))
    deltas = 0
    for kind, value in _parsed("responses_stream"):
        if kind == "response.output_text.delta":
            value["delta"] = chat_words.PIECES[deltas]
            deltas += 1
        if kind == "response.completed":
            value["response"] = whole
        elif "response" in value:
            value["response"] |= begun
        await stage.write(_event(kind, value))
        if deltas == 1 and ("DIE" in prompt or "MIDERR" in prompt):
            await stage.drop()  # as in responses_engine_killed: vLLM has no event for it
