"""Anthropic's /v1/messages and count_tokens: what vLLM would refuse of what Claude Code sends.

Source: `middleware/anthropic.go` and `anthropic/anthropic.go` of Ollama 0.33; vLLM's refusals
were tried with 0.32.
"""

from __future__ import annotations

from typing import Any

from adapter.errors import BadRequest
from adapter.translate.v1_fields import (
    Body,
    Extras,
    Model,
    add_sampling,
    add_switch,
    check_template,
    check_tools,
    drop_empty_tools,
    limit,
    spoken,
)

SERVER_BLOCKS = (
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "mcp_tool_use",
    "mcp_tool_result",
    "container_upload",
)
"""What tools of another server did in earlier turns; vLLM refuses the blocks."""

_THINKS = {"disabled": False, "enabled": True, "adaptive": True}

SMALLEST_BUDGET = 1024
"""Tokens of thinking, below which vLLM refuses a budget; so it does one of max_tokens or more."""


def check_count(body: Body) -> None:
    """What is looked at before the model is looked for.

    Raises:
        BadRequest: with Ollama's text.
    """
    if not str(body.get("model", "")).strip():
        raise BadRequest("model is required")
    if not body.get("messages"):
        raise BadRequest("messages is required")
    body["messages"] = [_message(turn) for turn in body["messages"]]


def check_messages(body: Body) -> None:
    """The same for an answer, which needs a limit."""
    if not str(body.get("model", "")).strip():
        raise BadRequest("model is required")
    if body.get("max_tokens", 0) <= 0:
        raise BadRequest("max_tokens is required and must be positive")
    check_count(body)


def messages(body: Body, extras: Extras, model: Model) -> None:
    """The checked body → vLLM's."""
    target = model.target
    check_template(model)
    limit(body, "max_tokens", target)
    _relax_thinking(body, extras, model)
    if "tools" in body:
        # The others are tools that Anthropic's own servers run.
        body["tools"] = [tool for tool in body["tools"] if "input_schema" in tool]
    drop_empty_tools(body)
    if "tools" in body:
        check_tools(model)
        _drop_lost_choice(body)
    names = dict.fromkeys(
        ("min_p", "repetition_penalty", "presence_penalty", "frequency_penalty", "seed"), ""
    )
    add_sampling(body, extras, target, stop="stop_sequences", **names)
    if target.system and not body.get("system") and body["messages"][0].get("role") != "system":
        body["system"] = target.system
    body["messages"] = [*spoken(target.turns), *body["messages"]]


def _drop_lost_choice(body: Body) -> None:
    """A choice of a tool that was dropped goes with it."""
    choice = body.get("tool_choice")
    known = [tool.get("name") for tool in body["tools"]]
    if isinstance(choice, dict) and choice.get("name", known[0]) not in known:
        del body["tool_choice"]


def _relax_thinking(body: Body, extras: Extras, model: Model) -> None:
    """A model that can't think is not asked to; one that can does, unless told not to."""
    thinking = body.pop("thinking", {})
    kind = thinking.get("type")
    if "thinking" not in model.capabilities:
        return
    budget = thinking.get("budget_tokens", 0)
    limit_ = body.get("max_tokens", 0)
    usable = isinstance(budget, int) and SMALLEST_BUDGET <= budget < limit_
    if kind == "disabled" or (kind == "enabled" and usable):
        body["thinking"] = thinking
    think = _THINKS.get(str(kind), extras.think)
    add_switch(body, think, model.target)


def _message(turn: Body) -> Body:
    content = turn.get("content")
    if not isinstance(content, list):
        return turn
    blocks = [_block(block) for block in content if not _is_server_block(block)]
    return turn | {"content": blocks or ""}


def _is_server_block(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") in SERVER_BLOCKS


def _block(block: Any) -> Any:
    if not isinstance(block, dict):
        return block
    source = block.get("source")
    if isinstance(source, dict) and block.get("type") == "document":
        return _document(block, source)
    if block.get("type") == "image":
        kind = source.get("type") if isinstance(source, dict) else ""
        if kind != "base64":
            # The engine would fetch a picture from anywhere.
            raise BadRequest(
                f"invalid image source type: {kind}. Only base64 images are supported."
            )
    if isinstance(block.get("content"), list):
        return block | {"content": [_block(inner) for inner in block["content"]]}
    return block


def _document(block: Body, source: Body) -> Body:
    """A document of plain text as text; vLLM takes no documents."""
    if source.get("type") == "text" and isinstance(source.get("data"), str):
        return {"type": "text", "text": source["data"]}
    raise BadRequest("documents other than plain text are not supported")
