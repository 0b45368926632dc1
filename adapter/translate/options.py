"""Ollama's options → vLLM's sampling fields, one row each.

`docs/reference/options.md` is printed from the table. A field is sent only when the client or
the model's configuration sets it; otherwise the model's own generation_config rules.
Sources: `api/types.go:Options.FromMap` for kinds and error texts; vLLM 0.32 for ranges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from adapter.errors import BadOption
from adapter.translate.target import Target

Kind = Literal["integer", "float32", "boolean", "array"]
Convert = Callable[[Any, Target], Any]

OLLAMA_DEFAULTS: Mapping[str, Any] = {"temperature": 0.8, "top_k": 40, "top_p": 0.9}
"""What Ollama samples with when neither client nor model says otherwise (the switch
`sampling_defaults = "ollama"` sends them)."""

_SMALLEST_TOP_P = 1e-6
_MAX_INT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Option:
    """`field` is vLLM's, None where it has none; `convert` returns None to leave the field out."""

    name: str
    kind: Kind
    field: str | None
    note: str
    convert: Convert = lambda value, target: value


def _max_tokens(value: int, target: Target) -> int | None:
    if value <= 0:
        return None
    return value if target.context_length is None else min(value, target.context_length)


def _between(low: float, high: float) -> Convert:
    return lambda value, target: min(max(value, low), high)


def _only_positive(value: float, target: Target) -> float | None:
    return value if value > 0 else None


def _seed(value: int, target: Target) -> int | None:
    return None if value < 0 else value


def _at_least_zero(value: int, target: Target) -> int:
    return max(value, 0)


def _no_penalty_window(value: int, target: Target) -> float | None:
    return 1.0 if value == 0 else None


_FIXED = "fixed when the engine starts"
_HARDWARE = "the engine manages its hardware itself; ignored"

OPTIONS: tuple[Option, ...] = (
    Option(
        "num_predict",
        "integer",
        "max_tokens",
        "0, -1 and -2 mean no limit but the context; cut to the context length",
        _max_tokens,
    ),
    Option("temperature", "float32", "temperature", "cut to 0 … 2", _between(0.0, 2.0)),
    Option("top_k", "integer", "top_k", "0 and below: off", _at_least_zero),
    Option("top_p", "float32", "top_p", "cut to 0.000001 … 1", _between(_SMALLEST_TOP_P, 1.0)),
    Option("min_p", "float32", "min_p", "cut to 0 … 1", _between(0.0, 1.0)),
    Option(
        "repeat_penalty",
        "float32",
        "repetition_penalty",
        "vLLM looks at the whole prompt and answer; 0 and below: left out",
        _only_positive,
    ),
    Option(
        "repeat_last_n",
        "integer",
        "repetition_penalty",
        "0 turns the penalty off (1.0); other windows are ignored: vLLM has none",
        _no_penalty_window,
    ),
    Option("presence_penalty", "float32", "presence_penalty", "cut to -2 … 2", _between(-2.0, 2.0)),
    Option(
        "frequency_penalty", "float32", "frequency_penalty", "cut to -2 … 2", _between(-2.0, 2.0)
    ),
    Option("seed", "integer", "seed", "below 0: random, left out", _seed),
    Option(
        "stop",
        "array",
        "stop",
        "a list, as in Ollama; empty strings are dropped; those beyond the engine's 4 are found "
        "by the adapter, 64 of up to 1024 characters in all",
    ),
    Option("typical_p", "float32", None, "vLLM has no locally typical sampling; ignored"),
    Option(
        "num_ctx",
        "integer",
        None,
        f"the window is {_FIXED} (`--max-model-len`); more is logged once and ignored",
    ),
    Option(
        "num_keep",
        "integer",
        None,
        "tokens that stay of the beginning when the middle of a prompt has to go (4); vLLM itself "
        "does not shift the context",
    ),
    Option("num_batch", "integer", None, _HARDWARE),
    Option("num_gpu", "integer", None, _HARDWARE),
    Option("main_gpu", "integer", None, _HARDWARE),
    Option("num_thread", "integer", None, _HARDWARE),
    Option("use_mmap", "boolean", None, _HARDWARE),
    Option("draft_num_predict", "integer", None, f"speculation is {_FIXED}; ignored"),
)

DROPPED_BY_OLLAMA = (
    "mirostat",
    "mirostat_tau",
    "mirostat_eta",
    "tfs_z",
    "penalize_newline",
    "numa",
    "low_vram",
    "f16_kv",
    "vocab_only",
    "use_mlock",
    "logits_all",
)
"""Names that older clients still send. They are unknown, and unknown options are ignored."""

_SENT = tuple((option, option.field) for option in OPTIONS if option.field is not None)
_BY_NAME = {option.name: option for option in OPTIONS}


def sampling(options: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """vLLM's fields for a request's options laid over the model's own; `stop` is a whole list.

    Raises:
        BadOption: an option is of the wrong kind, in Ollama's words.
    """
    values: dict[str, Any] = {}
    for source in (target.options, options):
        for name, value in source.items():
            if value is not None and name in _BY_NAME:
                values[name] = checked(_BY_NAME[name], value)
    fields: dict[str, Any] = {}
    # In the table's order, so that repeat_last_n 0 has the last word on the penalty.
    for option, field in _SENT if values else ():
        if option.name not in values:
            continue
        converted = option.convert(values[option.name], target)
        if converted is not None:
            fields[field] = converted
    return fields


def checked(option: Option, value: Any) -> Any:
    """The value in the option's kind; a number with a fraction is cut for an integer.

    Raises:
        BadOption: `option "x" must be of type …`.
    """
    number = type(value) in (int, float) and math.isfinite(value)
    if option.kind == "integer" and number:
        return min(max(int(value), -_MAX_INT), _MAX_INT)
    if option.kind == "float32" and number:
        return float(value)
    if option.kind == "boolean" and isinstance(value, bool):
        return value
    if option.kind == "array" and isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            return value
        raise BadOption(f'option "{option.name}" must be of an array of strings')
    raise BadOption(f'option "{option.name}" must be of type {option.kind}')
