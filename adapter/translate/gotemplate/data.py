"""Messages and tools of a request → the data that Ollama hands to a template.

Types and field names are Go's: `template/template.go` and `api/types.go` of Ollama.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from adapter.translate.gotemplate.limits import DEEPEST, TemplateError
from adapter.translate.gotemplate.values import Array, Record, Table, Value
from adapter.wire.ollama import Message, ToolCall

ANYTHING = "map[string]interface {}"

_TOOL_KEYS: Any = {
    "Type": ("type", "keep"),
    "Items": ("items", "omit nil"),
    "Function": ("function", "keep"),
}
_FUNCTION_KEYS: Any = {
    "Name": ("name", "keep"),
    "Description": ("description", "keep"),
    "Parameters": ("parameters", "keep"),
}
_PARAMETERS_KEYS: Any = {
    "Type": ("type", "keep"),
    "Defs": ("$defs", "omit nil"),
    "Items": ("items", "omit nil"),
    "Required": ("required", "omit empty"),
    "Properties": ("properties", "keep"),
}
_PROPERTY_KEYS: Any = {
    "AnyOf": ("anyOf", "omit empty"),
    "Type": ("type", "omit empty"),
    "Items": ("items", "omit nil"),
    "Description": ("description", "omit empty"),
    "Enum": ("enum", "omit empty"),
    "Properties": ("properties", "omit nil"),
    "Required": ("required", "omit empty"),
}


def collate(messages: Iterable[Message]) -> tuple[str, list[Message]]:
    """All system texts as one, and the turns with neighbours of one role made one.

    Only the texts are joined: what else the later ones hold is lost, as in Ollama. Results of
    tools are never joined.
    """
    system: list[str] = []
    turns: list[Message] = []
    texts: list[list[str]] = []
    for message in messages:
        role = message.role.lower()
        if role == "system":
            system.append(message.content)
        if turns and turns[-1].role == role and role != "tool":
            texts[-1].append(message.content)
        else:
            turns.append(message.model_copy(update={"role": role}))
            texts.append([message.content])
    joined = [
        turn if len(parts) == 1 else turn.model_copy(update={"content": "\n\n".join(parts)})
        for turn, parts in zip(turns, texts, strict=True)
    ]
    return "\n\n".join(system), joined


def thinking(think: bool | str | None) -> dict[str, Value]:
    """`.Think`, `.ThinkLevel` and `.IsThinkSet`; a bare true counts as medium."""
    level = think if isinstance(think, str) else "medium" if think else ""
    return {"Think": bool(think), "ThinkLevel": level, "IsThinkSet": think is not None}


def messages_value(messages: Sequence[Message]) -> Array:
    """`.Messages`."""
    return Array("[]*template.templateMessage", tuple(map(_message, messages)), nil=not messages)


def _message(message: Message) -> Record:
    return Record(
        "*template.templateMessage",
        {
            "Role": message.role,
            "Content": message.content,
            "Thinking": message.thinking,
            "Images": Array("[]api.ImageData", tuple(message.images), nil=not message.images),
            "ToolCalls": Array(
                "[]template.templateToolCall",
                tuple(_tool_call(*numbered) for numbered in enumerate(message.tool_calls)),
                nil=not message.tool_calls,
            ),
            "ToolName": message.tool_name,
            "ToolCallID": message.tool_call_id,
        },
    )


def _tool_call(place: int, call: ToolCall) -> Record:
    function: dict[str, Value] = {
        # Requests are read without it; models count their calls.
        "Index": place,
        "Name": call.function.name,
        "Arguments": Table(
            "template.templateArgs",
            {key: _plain(value) for key, value in sorted(call.function.arguments.items())},
            spoken=True,
        ),
    }
    name = "template.templateToolCallFunction"
    return Record("template.templateToolCall", {"ID": call.id, "Function": Record(name, function)})


def tools_value(tools: Sequence[Any]) -> Array:
    """`.Tools`; they and their functions print as the JSON that Ollama's types have."""
    items = tuple(map(_tool, tools))
    return Array("template.templateTools", items, spoken=True, nil=not items)


def _tool(tool: Any) -> Record:
    given = _object(tool)
    return Record(
        "template.templateTool",
        {
            "Type": _string(given.get("type")),
            "Items": _plain(given.get("items")),
            "Function": _function(_object(given.get("function"))),
        },
        _TOOL_KEYS,
        spoken=True,
    )


def _function(given: dict[str, Any]) -> Record:
    return Record(
        "template.templateToolFunction",
        {
            "Name": _string(given.get("name")),
            "Description": _string(given.get("description")),
            "Parameters": _parameters(_object(given.get("parameters"))),
        },
        _FUNCTION_KEYS,
        spoken=True,
    )


def _parameters(given: dict[str, Any]) -> Record:
    return Record(
        "template.templateToolFunctionParameters",
        {
            "Type": _string(given.get("type")),
            "Defs": _plain(given.get("$defs")),
            "Items": _plain(given.get("items")),
            "Required": _strings(given.get("required")),
            "Properties": _properties(given.get("properties"), "template.templateProperties"),
        },
        _PARAMETERS_KEYS,
        spoken=True,
    )


def _properties(given: Any, type_name: str, depth: int = 0) -> Table:
    return Table(
        type_name,
        {key: _property(value, depth + 1) for key, value in sorted(_object(given).items())},
        spoken=True,
        nil=not isinstance(given, dict),
        absent=_property({}, DEEPEST),
    )


def _property(given: Any, depth: int) -> Record:
    if depth > DEEPEST:
        raise TemplateError(f"template: : a tool is nested more than {DEEPEST} levels deep")
    fields = _object(given)
    kinds = fields.get("type")
    inner = fields.get("properties")
    enum = fields.get("enum")
    any_of = fields.get("anyOf")
    return Record(
        "api.ToolProperty",
        {
            "AnyOf": Array(
                "[]api.ToolProperty",
                tuple(_property(one, depth + 1) for one in any_of)
                if isinstance(any_of, list)
                else (),
            ),
            "Type": Array(
                "api.PropertyType",
                (kinds,) if isinstance(kinds, str) else _strings(kinds).items,
                single=True,
            ),
            "Items": _plain(fields.get("items"), depth),
            "Description": _string(fields.get("description")),
            "Enum": Array(
                "[]interface {}",
                tuple(_plain(one, depth) for one in enum) if isinstance(enum, list) else (),
            ),
            "Properties": _properties(inner, "*api.ToolPropertiesMap", depth)
            if isinstance(inner, dict)
            else None,
            "Required": _strings(fields.get("required")),
        },
        _PROPERTY_KEYS,
    )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _strings(value: Any) -> Array:
    items = value if isinstance(value, (list, tuple)) else ()
    return Array("[]string", tuple(item for item in items if isinstance(item, str)))


def _plain(value: Any, depth: int = 0) -> Value:
    """JSON of any shape; its numbers are float64, as Go decodes them."""
    if depth > DEEPEST:
        raise TemplateError(f"template: : a tool is nested more than {DEEPEST} levels deep")
    if isinstance(value, dict):
        entries = sorted(value.items())
        return Table(ANYTHING, {str(key): _plain(item, depth + 1) for key, item in entries})
    if isinstance(value, (list, tuple)):
        return Array("[]interface {}", tuple(_plain(item, depth + 1) for item in value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _float(value)
    return value if isinstance(value, (bool, str)) else None


def _float(number: int | float) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
