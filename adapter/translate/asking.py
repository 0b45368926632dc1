"""What an engine's chat can do is found by asking it: no route of vLLM's tells.

Whether tools and reasoning are parsed depends on how it was started, and a single generated
token shows both. Whether a model sees is shown by a picture that is none: an engine without
eyes refuses all pictures, one that has them refuses this one. Recorded from vLLM 0.32.
"""

from __future__ import annotations

from typing import Any

import orjson

from adapter.translate import thinking
from adapter.wire.openai import GenerationBody

_TOOL = {
    "type": "function",
    "function": {"name": "noop", "parameters": {"type": "object", "properties": {}}},
}
_NO_PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,!!!!"}}
_BLIND = "is not a multimodal model"


def to_speak(model: str, *, with_tools: bool) -> GenerationBody:
    """A body that asks for one token, in a chat that offers a tool or not."""
    body: GenerationBody = {
        "model": model,
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 1,
        "chat_template_kwargs": thinking.switch(True),
    }
    return body | {"tools": [_TOOL]} if with_tools else body


def to_look(model: str) -> GenerationBody:
    """A body whose refusal tells whether the model sees."""
    return {
        "model": model,
        "messages": [{"role": "user", "content": [_NO_PICTURE]}],
        "max_tokens": 1,
    }


def thinks(answer: bytes) -> bool:
    """Whether an answer of one token shows that reasoning is parsed."""
    try:
        reply = orjson.loads(answer)
        message: dict[str, Any] = reply["choices"][0]["message"]
        details = reply["usage"].get("completion_tokens_details")
        return bool(message.get("reasoning") or details)
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        return False


def sees(refusal: str) -> bool:
    """Whether the text of a refusal is that of a model that looks at pictures."""
    return _BLIND not in refusal
