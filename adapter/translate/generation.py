"""The bodies that ask vLLM for text: what chat and generate have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapter.translate import thinking
from adapter.translate.formats import response_format
from adapter.translate.options import sampling
from adapter.translate.stops import share_out
from adapter.translate.target import Target
from adapter.wire.ollama import GenerationRequest
from adapter.wire.openai import CHAT_PATH, COMPLETIONS_PATH, GenerationBody

WHOLE_REPLY_INTERVAL = 16
"""Tokens per event when the client wants one object. Fewer events cost less; more tokens in
one would look like a silent engine on a slow CPU."""


@dataclass(frozen=True, slots=True)
class Listening:
    """What is to be made of the engine's stream: stop strings that it is not asked to look for,
    whether thinking is kept from the client, how many alternatives each token's logprob has."""

    own_stops: tuple[str, ...] = ()
    hides_thinking: bool = False
    top_logprobs: int = 0


ORDINARY = Listening()


@dataclass(frozen=True, slots=True)
class Question:
    """What is sent to the engine, and how its answer is read."""

    path: str
    body: GenerationBody
    listening: Listening = ORDINARY


def chat(
    messages: list[dict[str, Any]],
    request: GenerationRequest,
    target: Target,
    *,
    continued: bool = False,
    with_ids: bool = False,
) -> Question:
    """The question for some messages.

    `continued`: the last of them is the beginning of the answer. It is no place to think, unless
    the client insists. `with_ids`: the token ids are wanted, for `context`.

    Raises:
        BadOption, BadFormat: an option or the format is of the wrong kind.
    """
    body, listening = _shared(request, target)
    body["messages"] = messages
    think = False if continued and request.think is None else request.think
    body |= thinking.fields(think, target)  # type: ignore[typeddict-item]  # two of its fields
    if continued and target.vllm:
        body |= {"add_generation_prompt": False, "continue_final_message": True}
    if request.logprobs:
        body |= {"logprobs": True, "top_logprobs": request.top_logprobs}
    if with_ids and target.vllm:
        body["return_token_ids"] = True
    return Question(CHAT_PATH, body, listening)


def completion(
    prompt: str | Sequence[int], request: GenerationRequest, target: Target, *, with_ids: bool
) -> Question:
    """The question for a prompt that no template is applied to: text, or token ids.

    Raises:
        BadOption, BadFormat: as `chat`.
    """
    body, listening = _shared(request, target)
    body["prompt"] = prompt if isinstance(prompt, str) else list(prompt)
    if target.context_length is not None:
        # Without it vLLM stops after 16 tokens; what is left of the context is the limit.
        body.setdefault("max_tokens", target.context_length)
    if request.logprobs:
        body["logprobs"] = request.top_logprobs
    if with_ids and target.vllm:
        body["return_token_ids"] = True
    return Question(COMPLETIONS_PATH, body, listening)


def _shared(request: GenerationRequest, target: Target) -> tuple[GenerationBody, Listening]:
    """vLLM is always asked to stream: see `translate.stream`."""
    fields = sampling(request.options, target)
    stops, own_stops = share_out(fields.pop("stop", ()))
    body: GenerationBody = {
        "model": target.served_name,
        "stream": True,
        "stream_options": {"include_usage": True},
        **fields,  # type: ignore[typeddict-item]  # the table of options names these fields
    }
    if stops:
        body["stop"] = stops
    if own_stops and target.vllm:
        # The stream is left where a stop string of ours ends it, before the final counts.
        body["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
    elif not request.streams and target.vllm:
        body["stream_interval"] = WHOLE_REPLY_INTERVAL
    if wanted := response_format(request.format):
        body["response_format"] = wanted
    return body, Listening(own_stops, request.think is False, request.top_logprobs)
