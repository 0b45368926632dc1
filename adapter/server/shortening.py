"""A prompt that the engine refused as too long, shortened by true token counts.

It costs nothing while prompts fit: the engine is asked about tokens only after a refusal.
"""

from __future__ import annotations

from typing import NamedTuple

from adapter.catalog.catalog import Entry
from adapter.errors import UpstreamRefused
from adapter.server.tokens import detokenize, tokenize
from adapter.translate import shortening
from adapter.translate.generation import Question
from adapter.translate.shortening import DEFAULT_NUM_KEEP
from adapter.upstream.client import Upstream
from adapter.wire.ollama import ChatRequest, GenerateRequest, GenerationRequest


class Shortened(NamedTuple):
    """A question that fits, and what went, as the header tells it: `3`, or `120 tokens`."""

    question: Question
    dropped: str


async def shorten(
    client: Upstream, question: Question, asked: GenerationRequest, entry: Entry
) -> Shortened | None:
    """The question in a form that fits, or None if the request or the engine allows none.

    Raises:
        UpstreamError: the engine broke off while it was asked about tokens.
    """
    window = entry.target.context_length
    if window is None or asked.truncate is False:
        return None
    try:
        if isinstance(asked, GenerateRequest):
            return await _without_middle(client, question, asked, window)
        if isinstance(asked, ChatRequest) and "messages" in question.body:
            return await _without_oldest(client, question, window - 1)
    except UpstreamRefused:
        pass  # it is no vLLM, or somebody between does not let the question through
    return None


async def _without_oldest(client: Upstream, question: Question, limit: int) -> Shortened | None:
    """Without as few turns as needed to leave room for an answer; found by halving."""
    free = shortening.room(limit, question.body.get("max_tokens"))
    fewest, most = 1, len(shortening.droppable(question.body["messages"]))
    if not most:
        return None
    while fewest < most:
        middle = (fewest + most) // 2
        shorter, _ = shortening.without_oldest(question, middle)
        if len(await tokenize(client, shortening.to_tokenize(shorter))) <= limit - free:
            most = middle
        else:
            fewest = middle + 1
    shorter, dropped = shortening.without_oldest(question, most)
    if len(await tokenize(client, shortening.to_tokenize(shorter))) > limit:
        return None
    return Shortened(shorter, str(dropped))


async def _without_middle(
    client: Upstream, question: Question, asked: GenerateRequest, window: int
) -> Shortened | None:
    if asked.shift is False:
        return None
    num_keep = int(asked.options.get("num_keep") or DEFAULT_NUM_KEEP)
    prompt = question.body.get("prompt")
    if isinstance(prompt, list):
        kept = shortening.without_middle(prompt, window, 0, num_keep)
        return _shortened(question, kept, len(prompt) - len(kept))
    text = shortening.prompt_text(question)
    tokens = await tokenize(client, shortening.text_to_tokenize(question, text))
    around = 0
    if "messages" in question.body:
        around = len(await tokenize(client, shortening.to_tokenize(question))) - len(tokens)
    kept = shortening.without_middle(tokens, window, around, num_keep)
    cut = await detokenize(client, question.body["model"], kept)
    return _shortened(question, cut, len(tokens) - len(kept))


def _shortened(question: Question, prompt: str | list[int], gone: int) -> Shortened | None:
    if gone <= 0:
        return None
    return Shortened(shortening.with_prompt(question, prompt), f"{gone} tokens")
