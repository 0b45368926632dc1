"""A prompt that the engine refused as too long, shortened by true token counts.

It costs nothing while prompts fit: the engine is asked about tokens only after a refusal.
"""

from __future__ import annotations

from typing import NamedTuple

from adapter.aside import LARGE, aside
from adapter.catalog.catalog import Entry
from adapter.errors import UpstreamRefused
from adapter.server.tokens import detokenize, tokenize
from adapter.translate import chat, shortening
from adapter.translate.generation import Question
from adapter.translate.options import sampling
from adapter.translate.shortening import DEFAULT_NUM_KEEP
from adapter.translate.target import Target
from adapter.upstream.client import Upstream
from adapter.wire.ollama import ChatRequest, GenerateRequest, GenerationRequest

_SHORT = "."
"""A prompt in whose place the tokens of the template around it are counted."""


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
            num_keep = {**entry.target.options, **asked.options}.get("num_keep")
            keep = DEFAULT_NUM_KEEP if num_keep is None else int(num_keep)
            return await _without_middle(client, question, asked, window, keep)
        if isinstance(asked, ChatRequest):
            return await _without_oldest(client, asked, entry.target, window - 1)
    except UpstreamRefused:
        pass  # it is no vLLM, or somebody between does not let the question through
    return None


async def _without_oldest(
    client: Upstream, asked: ChatRequest, target: Target, limit: int
) -> Shortened | None:
    """Without as few turns as needed to leave room for an answer; found by halving."""
    limited = sampling(asked.options, target).get("max_tokens")
    free = shortening.room(limit, limited)
    cuts = await aside(LARGE, shortening.cuts, asked.messages)
    if not cuts:
        return None

    async def tried(count: int) -> tuple[Question, int]:
        shorter = await aside(LARGE, _left_of, asked, count, target)
        return shorter, len(await tokenize(client, shortening.to_tokenize(shorter)))

    first, last = 0, len(cuts) - 1
    while first < last:
        middle = (first + last) // 2
        _, tokens = await tried(cuts[middle])
        if tokens <= limit - free:
            last = middle
        else:
            first = middle + 1
    question, tokens = await tried(cuts[last])
    return Shortened(question, str(cuts[last])) if tokens <= limit else None


def _left_of(asked: ChatRequest, gone: int, target: Target) -> Question:
    return chat.to_openai(shortening.without_oldest(asked, gone), target)


async def _without_middle(
    client: Upstream, question: Question, asked: GenerateRequest, window: int, num_keep: int
) -> Shortened | None:
    if asked.shift is False:
        return None
    prompt = question.body.get("prompt")
    if isinstance(prompt, list):
        kept = shortening.without_middle(prompt, window, 0, num_keep)
        return _shortened(question, kept, len(prompt) - len(kept))
    text, is_part = shortening.bounded(shortening.prompt_text(question), window)
    tokens = await tokenize(client, shortening.text_to_tokenize(question, text))
    around = 0
    if "messages" in question.body:
        short = shortening.to_tokenize(shortening.with_prompt(question, _SHORT))
        around = len(await tokenize(client, short)) - len(_SHORT)
    kept = shortening.without_middle(tokens, window, around, num_keep)
    cut = await detokenize(client, question.body["model"], kept)
    return _shortened(question, cut, len(tokens) - len(kept), "more than " if is_part else "")


def _shortened(
    question: Question, prompt: str | list[int], gone: int, more: str = ""
) -> Shortened | None:
    if gone <= 0:
        return None
    return Shortened(shortening.with_prompt(question, prompt), f"{more}{gone} tokens")
