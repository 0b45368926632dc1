"""The body that asks vLLM for text: what chat and generate have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapter.translate.options import sampling
from adapter.translate.stops import share_out
from adapter.translate.target import Target
from adapter.wire.openai import CHAT_PATH, GenerationBody

WHOLE_REPLY_INTERVAL = 16
"""Tokens per event when the client wants one object. Fewer events cost less; more tokens in
one would look like a silent engine on a slow CPU."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is sent to the engine, and the stop strings it is not asked to look for."""

    path: str
    body: GenerationBody
    own_stops: tuple[str, ...] = ()


def ask(
    messages: list[dict[str, Any]], options: Mapping[str, Any], target: Target, *, streams: bool
) -> Question:
    """The question for some messages. vLLM is always asked to stream: see `translate.stream`.

    Raises:
        BadOption: an option is of the wrong kind.
    """
    fields = sampling(options, target)
    stops, own_stops = share_out(fields.pop("stop", ()))
    body: GenerationBody = {
        "model": target.served_name,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
        **fields,  # type: ignore[typeddict-item]  # the table of options names these fields
    }
    if stops:
        body["stop"] = stops
    if own_stops and target.vllm:
        # The stream is left where a stop string of ours ends it, before the final counts.
        body["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
    elif not streams and target.vllm:
        body["stream_interval"] = WHOLE_REPLY_INTERVAL
    return Question(CHAT_PATH, body, own_stops)
