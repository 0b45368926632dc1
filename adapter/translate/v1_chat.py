"""/v1/chat/completions and /v1/completions: checks in Ollama's words, and what vLLM refuses.

Source: `openai/openai.go:FromChatRequest` and `FromCompleteRequest` of Ollama 0.33.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import orjson

from adapter.errors import BadRequest
from adapter.translate import gotemplate, messages, thinking
from adapter.translate.images import SNIFFED, media_type
from adapter.translate.v1_fields import (
    Body,
    Extras,
    Model,
    add_sampling,
    add_switch,
    check_template,
    check_tools,
    drop_empty_tools,
    effort,
    limit,
    think_of,
)
from adapter.wire import gobase64

REMOTE_IMAGE = "image URLs are not currently supported, please use base64 encoded data instead"
BAD_IMAGE = "invalid image input"
BAD_PART = "invalid message format"
BAD_ARGUMENTS = "invalid tool call arguments"

_IMAGES = tuple(f"data:image/{kind};base64," for kind in ("jpeg", "jpg", "png", "webp"))
_UNNAMED_IMAGE = "data:;base64,"
_OWN_PARTS = ("text", "input_text", "output_text", "refusal", "thinking", "input_audio")
_MEDIA_KEYS = ("image_url", "audio_url", "video_url")
_MEDIA_PARTS = ("audio_url", "video_url")
_GO_KINDS: Mapping[type, str] = {
    type(None): "<nil>",
    bool: "bool",
    int: "float64",
    float: "float64",
}


def check_chat(body: Body) -> None:
    """What Ollama looks at before it looks for the model.

    Raises:
        BadRequest: with Ollama's text.
    """
    if not body.get("messages"):
        raise BadRequest("[] is too short - 'messages'")
    body["messages"] = [_message(turn, at) for at, turn in enumerate(body["messages"])]
    effort(body)
    if not 0 <= body.get("top_logprobs", 0) <= 20:
        raise BadRequest("top_logprobs must be between 0 and 20")


def chat(body: Body, extras: Extras, model: Model) -> None:
    """The checked body → vLLM's."""
    target = model.target
    check_template(model)
    asked = effort(body)
    think = think_of(asked, extras, model)
    drop_empty_tools(body)
    if "tools" in body:
        check_tools(model)
    for field in ("reasoning", "reasoning_effort"):
        body.pop(field, None)
    body |= {k: v for k, v in thinking.fields(think, target).items() if k == "reasoning_effort"}
    add_switch(body, think, target)
    for field in ("max_tokens", "max_completion_tokens"):
        limit(body, field, target)
    room = "" if "max_completion_tokens" in body else "max_tokens"
    add_sampling(body, extras, target, max_tokens=room)
    _clean(body)
    _put_in_front(body, model)


def completion(body: Body, extras: Extras, model: Model) -> None:
    """/v1/completions → vLLM's, where 16 tokens are the default; in Ollama there is no limit."""
    target = model.target
    if not body.get("echo"):  # nothing may be wanted but the prompt's own logprobs
        limit(body, "max_tokens", target)
    add_sampling(body, extras, target)
    if "max_tokens" not in body and target.context_length is not None:
        body["max_tokens"] = target.context_length
    _clean(body)
    if suffix := body.pop("suffix", ""):
        _fill_in(body, suffix, model)


def _fill_in(body: Body, suffix: str, model: Model) -> None:
    if "insert" not in model.capabilities:
        raise BadRequest(f"{model.full_name} does not support insert")
    fim, template = model.target.fim, model.target.template
    if not (fim or template):
        body["suffix"] = suffix  # the engine knows how
        return
    prompt = body.get("prompt")
    if not isinstance(prompt, str):
        raise BadRequest("suffix needs a prompt that is one string")
    if fim:
        body["prompt"] = f"{fim.prefix}{prompt}{fim.suffix}{suffix}{fim.middle}"
    else:
        body["prompt"] = gotemplate.parse(template).render(prompt=prompt, suffix=suffix)


def _clean(body: Body) -> None:
    """vLLM refuses stream options of what is no stream, and empty stop strings."""
    if not body.get("stream"):
        body.pop("stream_options", None)
    if isinstance(stop := body.get("stop"), (str, list)):
        kept = [text for text in ([stop] if isinstance(stop, str) else stop) if text != ""]
        body.pop("stop")
        body |= {"stop": kept} if kept else {}


def _put_in_front(body: Body, model: Model) -> None:
    """The model's own SYSTEM, unless the first message is one, and its MESSAGE lines."""
    first = body["messages"][0].get("role")
    own = messages.with_own((), model.target)
    if first == "system":
        own = model.target.turns
    body["messages"] = messages.to_openai(own) + body["messages"]


def _message(turn: Body, at: int) -> Body:
    turn = dict(turn)
    if turn.get("role") == "developer":
        turn["role"] = "system"  # templates know no other word for it
    calls = turn.get("tool_calls")
    if calls is not None and not isinstance(calls, list):
        raise BadRequest(BAD_PART)
    content = turn.get("content")
    if isinstance(content, list):
        turn["content"] = [_part(part) for part in content]
    elif not isinstance(content, str) and not (content is None and calls):
        kind = _GO_KINDS.get(type(content), "map[string]interface {}")
        raise BadRequest(f"invalid message content type: {kind}")
    if calls:
        turn["tool_calls"] = [_call(call, f"call{at:03d}{n:02d}") for n, call in enumerate(calls)]
    else:
        turn.pop("tool_calls", None)
    return turn


def _call(call: Any, made_up: str) -> Body:
    """A call of an earlier turn; vLLM wants an id, a type and arguments as text."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise BadRequest(BAD_PART)
    arguments = function.get("arguments") or {}
    if isinstance(arguments, str):
        try:
            arguments = orjson.loads(arguments)
        except orjson.JSONDecodeError:
            raise BadRequest(BAD_ARGUMENTS) from None
        text = function["arguments"]
    else:
        text = orjson.dumps(arguments).decode()
    if not isinstance(arguments, dict):
        raise BadRequest(BAD_ARGUMENTS)
    known: Body = {"id": call.get("id") or made_up, "type": call.get("type") or "function"}
    return {**call, **known, "function": function | {"arguments": text}}


def _part(part: Any) -> Body:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in _OWN_PARTS:
        return dict(part)
    if kind == "image_url":
        image = part.get("image_url")
        known = image if isinstance(image, dict) else {"url": image}
        return {**part, "image_url": known | {"url": image_url(known.get("url"))}}
    if kind in _MEDIA_PARTS:
        media = part.get(kind)
        url = media.get("url") if isinstance(media, dict) else media
        if isinstance(url, str) and url.startswith("data:"):
            return dict(part)
        raise BadRequest(REMOTE_IMAGE)  # the engine would fetch it
    raise BadRequest(BAD_PART)


def image_url(url: Any) -> str:
    """A picture as a data URL. The engine would fetch any other, whoever's it is.

    Raises:
        BadRequest: it is remote, of another kind than Ollama takes, or no base64.
    """
    if not isinstance(url, str):
        raise BadRequest(BAD_IMAGE)
    if url.lower().startswith(("http://", "https://")):
        raise BadRequest(REMOTE_IMAGE)
    if not url.startswith((*_IMAGES, _UNNAMED_IMAGE)):
        raise BadRequest(BAD_IMAGE)
    head, _, data = url.partition(",")
    try:
        data = gobase64.checked(data)
    except ValueError:
        raise BadRequest(BAD_IMAGE) from None
    if head == "data:;base64":
        head = f"data:{media_type(base64.b64decode(data[:SNIFFED]))};base64"
    return f"{head},{data}"


def refuse_remote(body: Body) -> None:
    """Raises BadRequest for a picture, a sound or a film anywhere in a body that the engine would
    have to fetch."""
    inside: list[Any] = [body]
    while inside:
        value = inside.pop()
        if isinstance(value, list):
            inside.extend(value)
        elif isinstance(value, dict):
            inside.extend(value.values())
            for media in (value[name] for name in _MEDIA_KEYS if value.get(name)):
                url = media.get("url") if isinstance(media, dict) else media
                if not (isinstance(url, str) and url.startswith("data:")):
                    raise BadRequest(REMOTE_IMAGE)
