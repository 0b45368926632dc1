"""Ollama's `think` → the fields that make vLLM's chat templates think or not."""

from __future__ import annotations

from typing import Any

from adapter.translate.target import Target


def wanted(think: bool | str | None, target: Target) -> bool:
    """Whether the model is to think: one that can does, unless it is told not to."""
    return target.thinks and think is not False


def fields(think: bool | str | None, target: Target) -> dict[str, Any]:
    """The body's fields; none for a model that can't think.

    Templates call the switch `enable_thinking` or `thinking`, and take no notice of the other.
    Levels (low, medium, high, max) are vLLM's reasoning_effort, word by word.
    """
    if not target.thinks:
        return {}
    effort = {"reasoning_effort": think} if isinstance(think, str) else {}
    if not target.vllm:
        return {"reasoning_effort": "none"} if think is False else effort
    return effort | {"chat_template_kwargs": switch(wanted(think, target))}


def switch(on: bool) -> dict[str, bool]:
    """The variables of a chat template that switch thinking on or off."""
    return {"enable_thinking": on, "thinking": on}
