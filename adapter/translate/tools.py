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
        # Id → name, and name → ids, in the order of the calls.
        self._waiting: dict[str, str] = {}
        self._named: dict[str, dict[str, None]] = {}

    def calls(self, calls: Iterable[ToolCall]) -> list[dict[str, Any]]:
        """vLLM's form of an assistant turn's calls. Those before it that nobody answered lapse."""
        self._waiting.clear()
        self._named.clear()
        return [self._call(call) for call in calls]

    def result(self, turn: Message) -> dict[str, str]:
        """What says which call a result belongs to: `tool_call_id` and `name`, where known."""
        match = self._match(turn)
        if match is None:
            known = {"tool_call_id": turn.tool_call_id, "name": turn.tool_name}
            return {key: value for key, value in known.items() if value}
        name = self._waiting.pop(match)
        self._named[name].pop(match)
        return {"tool_call_id": match, "name": turn.tool_name or name}

    def _call(self, call: ToolCall) -> dict[str, Any]:
        self._made += 1
        name = call.function.name
        # Nine letters and digits: some models' templates take no other ids.
        given = call.id or f"call{self._made:05d}"
        self._waiting[given] = name
        self._named.setdefault(name, {})[given] = None
        arguments = orjson.dumps(call.function.arguments).decode()
        function = {"name": name, "arguments": arguments}
        return {"id": given, "type": "function", "function": function}

    def _match(self, turn: Message) -> str | None:
        """The id of the call: by id, by name, by order."""
        if turn.tool_call_id in self._waiting:
            return turn.tool_call_id
        return next(iter(self._named.get(turn.tool_name) or self._waiting), None)
