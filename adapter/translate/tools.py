"""Tools in a request: definitions, and the calls and results of earlier turns.

Most clients send results without an id and many without a name, so results are matched to the
calls before them: by id, by name, by order. vLLM wants an id, a type and arguments as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from adapter.wire.ollama import Message, ToolCall


def definitions(tools: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The tools as vLLM takes them: `type` is made up where it is missing."""
    return [{**tool, "type": tool.get("type") or "function"} for tool in tools]


class Ledger:
    """The calls of a conversation so far, and which of them wait for their result."""

    def __init__(self) -> None:
        self._made = 0
        self._waiting: list[tuple[str, str]] = []

    def calls(self, calls: Iterable[ToolCall]) -> list[dict[str, Any]]:
        """vLLM's form of an assistant turn's calls. Those before it that nobody answered lapse."""
        self._waiting = []
        return [self._call(call) for call in calls]

    def result(self, turn: Message) -> dict[str, str]:
        """What says which call a result belongs to: `tool_call_id` and `name`, where known."""
        match = self._match(turn)
        if match is None:
            known = {"tool_call_id": turn.tool_call_id, "name": turn.tool_name}
            return {key: value for key, value in known.items() if value}
        self._waiting.remove(match)
        return {"tool_call_id": match[0], "name": turn.tool_name or match[1]}

    def _call(self, call: ToolCall) -> dict[str, Any]:
        self._made += 1
        # Nine letters and digits: some models' templates take no other ids.
        made_up = f"call{self._made:05d}"
        waiting = (call.id or made_up, call.function.name)
        self._waiting.append(waiting)
        arguments = orjson.dumps(call.function.arguments).decode()
        function = {"name": call.function.name, "arguments": arguments}
        return {"id": waiting[0], "type": "function", "function": function}

    def _match(self, turn: Message) -> tuple[str, str] | None:
        by_id = (call for call in self._waiting if call[0] == turn.tool_call_id)
        by_name = (call for call in self._waiting if call[1] == turn.tool_name)
        return next(by_id, None) or next(by_name, None) or next(iter(self._waiting), None)
