"""A play that does what the request asks for, as a willing model would: calls the tool that it is
given, fills the schema. Its events have the shapes that vLLM was recorded with.

The values come from the prompt: a text is what stands there in quotes, or its last capitalised
word; a number is the first number. So "What is the weather in Paris?" and a tool with a `city` make
the call {"city": "Paris"}. All else is left to tests/support/words.py: thinking, text, faults.
"""

from __future__ import annotations

import re
from typing import Any

import orjson
from aiohttp import web

from tests.support import words
from tests.support.plays import begin, recorded
from tests.support.recordings import recording
from tests.support.scripted_vllm import CHAT, COMPLETIONS, ScriptedVLLM, Stage

_STREAM = recording("chat_stream_usage")
_TEXTS = recording("compl_stream_usage")
_TEXT, _TEXT_USAGE = (orjson.loads(_TEXTS.events[i][6:]) for i in (0, -2))
_WHOLE_TEXT = orjson.loads(recording("compl_nonstream").body)
_WHOLE = orjson.loads(recording("tool_auto_forced_two").body)
WORDS = ("LIMIT", "ERR400", "MIDERR", "DIE", "SLOW", "CALL")
OTHERS = {
    "/v1/responses": ("responses", "responses_stream"),
    "/v1/messages": ("messages", "messages_stream"),
    "/v1/messages/count_tokens": ("messages_count", "messages_count"),
    "/tokenize": ("tokenize_prompt", "tokenize_prompt"),
}
"""Routes that are answered with recordings, whole and streamed."""


async def actor(stage: Stage) -> None:
    body = stage.received.body
    asked = last_question(body.get("messages", []))
    if stage.received.path in OTHERS:
        plain, streamed = OTHERS[stage.received.path]
        await recorded(streamed if body.get("stream") else plain)(stage)
    elif stage.received.path == COMPLETIONS:
        await completed(stage)
    elif stage.received.path != CHAT or any(word in asked for word in WORDS):
        await words.words(stage)
    elif body.get("stream"):
        await begin(stage, _STREAM)
        for event in script(body, asked):
            await stage.write(event)
    else:
        await whole(stage, whole_reply(script(body, asked)))


async def whole(stage: Stage, value: dict[str, Any]) -> None:
    reply = orjson.dumps(value)
    await stage.head(200, {"content-type": "application/json"}, length=len(reply))
    await stage.write(reply)


async def completed(stage: Stage) -> None:
    """A text completion of the usual pieces."""
    model = {"model": stage.received.body["model"]}
    counts = {"prompt_tokens": 7, "total_tokens": 10, "completion_tokens": 3}
    if not stage.received.body.get("stream"):
        [choice] = _WHOLE_TEXT["choices"]
        choices = [choice | {"text": "".join(words.PIECES), "finish_reason": "stop"}]
        used = _WHOLE_TEXT["usage"] | counts
        await whole(stage, _WHOLE_TEXT | model | {"choices": choices, "usage": used})
        return
    await begin(stage, _TEXTS)
    [choice] = _TEXT["choices"]
    asks_ids = stage.received.body.get("return_token_ids")
    for number, (piece, reason) in enumerate(
        zip((*words.PIECES, ""), (None, None, "stop"), strict=True)
    ):
        ids = [[1], [2], []][number] if asks_ids else None
        prompt = [0] if asks_ids and not number else None
        changed = {"text": piece, "finish_reason": reason, "token_ids": ids}
        changed["prompt_token_ids"] = prompt
        await stage.write(words.sse(_TEXT, **model, choices=[choice | changed]))
    await stage.write(words.sse(_TEXT_USAGE, **model, usage=counts))
    await stage.write(words.DONE)


class Troupe(ScriptedVLLM):
    """A scripted vLLM with the routes of the other dialects."""

    async def _serve(self, http: web.Request) -> web.StreamResponse:
        if http.method == "POST" and http.path in OTHERS:
            return await self._perform(http)
        return await super()._serve(http)


def script(body: dict[str, Any], asked: str) -> list[bytes]:
    model = body["model"]
    first = [words.first_event(body), *(words.reasoning(t, model) for t in words.thoughts(body))]
    counts = (words.PROMPT_TOKENS, words.COMPLETION_TOKENS)
    tool, text = chosen(body), wanted_text(body, asked)
    if tool is not None:
        pieces = halves(orjson.dumps(filled(tool.get("parameters", {}), asked)).decode())
        done = [words.call_begun(0, "chatcmpl-tool-1", tool["name"], model)]
        done += [words.call_piece(0, piece, model) for piece in pieces]
        last = words.finish("tool_calls", model)
    elif text:
        done = [words.text(piece, model) for piece in halves(text)]
        last = words.finish("stop", model)
    else:
        return words.script("", body)
    return [*first, *done, last, words.usage(*counts, model), words.DONE]


def halves(text: str) -> list[str]:
    return [text[: len(text) // 2], text[len(text) // 2 :]]


def whole_reply(events: list[bytes]) -> dict[str, Any]:
    """The events as one completion."""
    heard = [orjson.loads(event[6:]) for event in events[:-1]]
    choices = [choice for event in heard for choice in event["choices"]]
    deltas = [choice["delta"] for choice in choices]
    [choice] = _WHOLE["choices"]
    message = choice["message"] | {
        key: "".join(delta.get(key) or "" for delta in deltas) or None
        for key in ("content", "reasoning")
    }
    parts = [part for delta in deltas for part in delta.get("tool_calls", ())]
    if parts:
        arguments = "".join(part["function"]["arguments"] for part in parts[1:])
        call = {"id": parts[0]["id"], "type": "function"}
        function = {"name": parts[0]["function"]["name"], "arguments": arguments}
        message["tool_calls"] = [call | {"function": function}]
    else:
        del message["tool_calls"]
    made = choice | {"message": message, "finish_reason": choices[-1]["finish_reason"]}
    last = {"model": heard[-1]["model"], "usage": heard[-1]["usage"]}
    return _WHOLE | {"choices": [made], **last}


def chosen(body: dict[str, Any]) -> dict[str, Any] | None:
    """The function to call: the first, unless a result is there or no call is wanted."""
    tools = [tool["function"] for tool in body.get("tools") or []]
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        return next(tool for tool in tools if tool["name"] == choice["function"]["name"])
    after = any(turn["role"] == "tool" for turn in body["messages"])
    return None if not tools or choice == "none" or after else tools[0]


def wanted_text(body: dict[str, Any], asked: str) -> str:
    """The JSON that is asked for; "" if none is."""
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return orjson.dumps(filled(wanted["json_schema"]["schema"], asked)).decode()
    if wanted.get("type") == "json_object":
        keys = re.findall(r"'(\w+)'", asked) or ["answer"]
        return orjson.dumps(dict.fromkeys(keys, "text")).decode()
    return ""


def filled(schema: dict[str, Any], asked: str, within: dict[str, Any] | None = None) -> Any:
    """A value that fits the schema."""
    whole = within or schema
    if reference := schema.get("$ref"):
        return filled(resolved(whole, reference), asked, whole)
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return filled(options[0], asked, whole)
    if choices := schema.get("enum"):
        return choices[0]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type", "object")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: filled(inner, asked, whole) for name, inner in properties.items()}
    if kind == "array":
        return [filled(schema.get("items", {"type": "string"}), asked, whole)]
    return {"boolean": True, "null": None, "string": noun(asked)}.get(kind, number(asked))


def resolved(schema: dict[str, Any], reference: str) -> dict[str, Any]:
    for step in reference.removeprefix("#/").split("/"):
        schema = schema[step]
    return schema


def noun(asked: str) -> str:
    """What the prompt has in quotes, else its last capitalised word."""
    if quoted := re.search(r"'([^']+)'|\"([^\"]+)\"", asked):
        return quoted[1] or quoted[2]
    return (re.findall(r"\b[A-Z]\w+", asked) or ["text"])[-1]


def number(asked: str) -> int:
    found = re.search(r"\d+", asked)
    return int(found[0]) if found else 1


def last_question(messages: list[dict[str, Any]]) -> str:
    """The text of the user's last turn."""
    for turn in reversed(messages):
        if turn.get("role") == "user":
            content = turn.get("content") or ""
            if isinstance(content, str):
                return content
            return " ".join(part.get("text", "") for part in content)
    return ""
