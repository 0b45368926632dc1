"""Questions about tokens that the engine answers without generating: how many, which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from adapter.aside import aside
from adapter.errors import UpstreamBroken
from adapter.translate.refusals import PROMPT_TOO_LONG
from adapter.upstream.client import Upstream
from adapter.wire.openai import DETOKENIZE_PATH, TOKENIZE_PATH


async def tokenize(client: Upstream, body: Mapping[str, Any]) -> list[int]:
    """The token ids of a prompt or of messages, in the model's template.

    Raises:
        UpstreamError: the engine can't tell; RouteMissing if it has no such route.
    """
    answer = await client.post_json(TOKENIZE_PATH, body, {}, too_long=PROMPT_TOO_LONG)
    return await aside(len(answer), _ids, answer)


def _ids(answer: bytes) -> list[int]:
    try:
        return [int(token) for token in orjson.loads(answer)["tokens"]]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise UpstreamBroken("the engine sent malformed tokens") from None


async def detokenize(client: Upstream, model: str, tokens: Sequence[int]) -> str:
    """The text of some tokens.

    Raises:
        UpstreamError: the engine can't tell.
    """
    body = {"model": model, "tokens": tokens}
    answer = await client.post_json(DETOKENIZE_PATH, body, {}, too_long=PROMPT_TOO_LONG)
    try:
        return str(orjson.loads(answer)["prompt"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise UpstreamBroken("the engine sent malformed text") from None
