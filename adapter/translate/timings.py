"""How long things took: Ollama's four durations, in nanoseconds, from what is known."""

from __future__ import annotations

from dataclasses import dataclass

from adapter.translate.events import EngineTimes, Usage

_NS_PER_MS = 1_000_000


@dataclass(slots=True)
class Marks:
    """Instants of one request by the adapter's monotonic clock, in ns; 0 = not reached.

    `started`: the request came in. `opened`: it went on to the engine, whose own answer may not
    begin before its first token. `first_token` and `last_token`: text arrived.
    """

    started: int
    opened: int = 0
    first_token: int = 0
    last_token: int = 0


@dataclass(slots=True)
class Timings:
    """Ollama's durations in nanoseconds. None is 0, for clients divide by them."""

    total: int
    load: int
    prompt_eval: int
    evaluation: int


def timings(marks: Marks, engine: EngineTimes | None, now: int) -> Timings:
    """The engine's times when it told them, the adapter's own clock otherwise.

    `load` is the wait before work began: in the engine's queue, or here if that is not told.
    A single token has no generation time; what is left of the total stands in. If that is
    nothing, as when all came in one read, prompt and text can't be told apart: the whole time
    counts for both.
    """
    total = now - marks.started
    if engine is None:
        opened = marks.opened or now
        first = marks.first_token or now
        load, prompt = opened - marks.started, first - opened
        evaluation = max(marks.last_token - first, 0) or now - first
        if evaluation == 0:
            prompt = evaluation = now - opened
    else:
        load = round(engine.queue * _NS_PER_MS)
        prompt = round((engine.first_token - engine.queue) * _NS_PER_MS)
        evaluation = round(engine.generation * _NS_PER_MS) or total - load - prompt
    return Timings(max(total, 1), max(load, 1), max(prompt, 1), max(evaluation, 1))


def metrics_fields(usage: Usage | None, spent: Timings) -> dict[str, int]:
    """The fields that close a generation, in Ollama's order; counts the engine kept back are 0."""
    counted = usage or Usage(0, 0)
    cached = counted.cached_tokens
    return {
        "total_duration": spent.total,
        "load_duration": spent.load,
        "prompt_eval_count": counted.prompt_tokens,
        **({} if cached is None else {"prompt_eval_cached_count": cached}),
        "prompt_eval_duration": spent.prompt_eval,
        "eval_count": counted.completion_tokens,
        "eval_duration": spent.evaluation,
    }
